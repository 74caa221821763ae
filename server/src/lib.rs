//! The server of MeuMensageiro.
