use mensageiro::texts::Language;

/// What is said in the pictures, in one language.
pub struct Words {
    pub hello: &'static str,
    pub question: &'static str,
    pub answer: &'static str,
    pub link: &'static str,
    pub marks: &'static str,
    pub reply: &'static str,
    pub forged: &'static str,
    pub code: &'static str,
    pub group: [&'static str; 3],
    pub draft: &'static str,
    pub note: &'static str,
    pub refusal: &'static str,
}

pub fn of(language: Language) -> Words {
    match language {
        Language::Portuguese => Words {
            hello: "Bom dia! Alguém já viu o cartaz da semana de ciências?",
            question: "A reunião de hoje continua às 10h?",
            answer: "Sim, na biblioteca. Levo o café ☕ e os biscoitos 🎉",
            link: "O roteiro está em https://escola.example/redes/roteiro.",
            marks: "É *só amanhã*, _acho_: rode `cargo xtask demo` antes.",
            reply: "> bruno: “A reunião de hoje continua às 10h?”\nContinua, até avisarem o contrário.",
            forged: "Devo 500 reais ao Bruno.",
            code: "Assim:\n```\nfor linha in servidor:\n    print(linha)\n```\ne pronto.",
            group: [
                "A prova passou para quinta.",
                "Obrigada por avisar!",
                "Quem leva o projetor?",
            ],
            draft: "Chego uns minutos depois, o ônibus",
            note: "almoço",
            refusal: "Usuário inválido",
        },
        _ => Words {
            hello: "Good morning! Has anybody seen the poster of the science week?",
            question: "Do we still meet at 10 today?",
            answer: "Yes, in the library. I bring the coffee ☕ and the biscuits 🎉",
            link: "The worksheet is at https://school.example/networks/worksheet.",
            marks: "It is *only tomorrow*, _I think_: run `cargo xtask demo` before.",
            reply: "> bruno: “Do we still meet at 10 today?”\nWe do, until somebody says otherwise.",
            forged: "I owe Bruno 500 euros.",
            code: "Like this:\n```\nfor line in server:\n    print(line)\n```\nand that is it.",
            group: [
                "The exam has moved to Thursday.",
                "Thank you for telling us!",
                "Who brings the projector?",
            ],
            draft: "I shall be a few minutes late, the bus",
            note: "lunch",
            refusal: "unknown user",
        },
    }
}
