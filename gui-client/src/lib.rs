//! The desktop app of MeuMensageiro.

pub mod engine;
