//! HTTP/1.1 as far as this server speaks it: requests with a path, a range and a length; answers with a length. Files and
//! metrics use it.

mod incoming;
mod request;
mod response;

pub use self::{
    incoming::{Incoming, NoRequest},
    request::{BadRequest, ByteRange, ContentRange, HEAD_BYTES, Method, Request, is_first_line},
    response::{Response, Status},
};
