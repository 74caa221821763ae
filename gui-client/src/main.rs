//! The desktop app of MeuMensageiro.
fn main() {}
