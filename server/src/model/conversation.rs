//! Where messages belong together: two users, or a group.

use mensageiro_protocol::Login;

/// What one scrolls through: all messages between two users, or all of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Conversation {
    /// Between two users, the lesser login first; with oneself, the same twice.
    Pair(Login, Login),
    /// In a group.
    Group(Login),
}

impl Conversation {
    /// Between two users, in any order.
    pub fn pair(a: &Login, b: &Login) -> Self {
        let (lesser, greater) = if a <= b { (a, b) } else { (b, a) };
        Self::Pair(lesser.clone(), greater.clone())
    }

    /// The name that `me` writes after the `@` to answer: the other user, or the group.
    pub fn with(&self, me: &Login) -> &Login {
        match self {
            Self::Pair(lesser, greater) if lesser == me => greater,
            Self::Pair(lesser, _) => lesser,
            Self::Group(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str) {
        let [a, b] = [a, b].map(|name| Login::parse(name).unwrap());
        let conversation = Conversation::pair(&a, &b);
        assert_eq!(conversation, Conversation::pair(&b, &a));
        assert_eq!((conversation.with(&a), conversation.with(&b)), (&b, &a));
    }

    #[test]
    fn two_users_have_one_conversation_and_each_the_other_in_it() {
        check("ana", "bob");
        check("bob", "ana");
        check("ana", "ana");
    }
}
