//! The wire of MeuMensageiro, without sockets, files, clocks or threads; and [`spreadsheet`], which
//! the files of both sides need.
//!
//! Bytes go in, values come out, and the other way round. The server, the desktop app and the
//! tests all speak through this crate, so there is one place that knows how a line looks.
//! The rules it implements are numbered in `docs/PROTOCOL.md`.
//!
//! ```
//! use mensageiro_protocol::{Decoder, classic::Request};
//!
//! let mut decoder = Decoder::new(1024);
//! decoder.push(b"alice\n@bob hello\n");
//! assert_eq!(decoder.next_line(), Some(Ok(&b"alice"[..])));
//! let line = decoder.next_line().unwrap().unwrap();
//! let Request::Send(message) = Request::parse(line) else { panic!() };
//! assert_eq!((message.login.as_str(), message.text.as_str()), ("bob", "hello"));
//! ```

mod addressed;
mod bare;
pub mod classic;
mod decoder;
mod escaped;
mod file_name;
mod framing;
pub mod limits;
pub mod live;
mod login;
mod name;
pub mod spreadsheet;
mod text;
pub mod transcript;
pub mod trust;

pub use addressed::{Addressed, AddressedError};
pub use bare::Pacing;
pub use decoder::{Decoder, LineTooLong};
pub use escaped::{Escaped, Escaping, is_hidden};
pub use file_name::{FileName, MediaType};
pub use framing::Framing;
pub use login::{Login, LoginError};
pub use name::Name;
pub use text::Text;
