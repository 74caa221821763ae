//! The server of MeuMensageiro.
fn main() {}
