//! The head of a request. Pure: bytes in, a value out.

use thiserror::Error;

/// The most bytes of a request line and its headers.
pub const HEAD_BYTES: usize = 8 * 1024;

/// The most headers.
const HEADERS: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A content.
    Get,
    /// What would be said of it.
    Head,
    /// To store a content.
    Put,
    /// Something else.
    Other,
}

/// A request without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// Where: a path that begins with `/`, without a query.
    pub path: String,
    /// How many bytes follow; `None`: the request does not say.
    pub length: Option<u64>,
    /// Which part of a content they are.
    pub content_range: Option<ContentRange>,
    /// Which part of a content is asked for.
    pub range: Option<ByteRange>,
    /// The part is wanted only of this content, otherwise all of it: an ETag as it is written.
    pub if_range: Option<String>,
    /// The client waits before it sends the content until it is told to.
    pub expects_continue: bool,
    /// The client may ask something else on this connection.
    pub keeps_alive: bool,
}

/// `Content-Range: bytes FIRST-LAST/TOTAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many bytes the whole content has.
    pub total: u64,
}

/// One range of `Range: bytes=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// `FIRST-` or `FIRST-LAST`.
    From(u64, Option<u64>),
    /// `-COUNT`: the last bytes.
    Last(u64),
}

/// Why a request is not answered otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadRequest {
    /// It is no HTTP.
    #[error("this is not a request of HTTP/1.0 or HTTP/1.1")]
    Malformed,
    /// It is longer than a request may be.
    #[error("the head of a request has at most {HEAD_BYTES} bytes and {HEADERS} headers")]
    TooLong,
    /// Its content comes in another way than with a length.
    #[error("a content needs a Content-Length, and no Transfer-Encoding")]
    Length,
    /// Its Content-Range cannot be understood or does not fit its length.
    #[error("Content-Range must be bytes FIRST-LAST/TOTAL and fit the Content-Length")]
    ContentRange,
}

/// Whether the first line of a line framed connection begins a request. No login, hello, `join` or question does: after the
/// word of a login comes the end, `live/1` or a program key, and never a `/` (PROTOCOL.md, H1).
pub fn is_first_line(line: &[u8]) -> bool {
    [b"GET /".as_slice(), b"PUT /", b"HEAD /"]
        .iter()
        .any(|begin| line.starts_with(begin))
}

impl Request {
    /// Reads the head of a request, and how many bytes it has. `None`: it is not complete.
    ///
    /// # Errors
    /// [`BadRequest`], after which nothing else on the connection can be understood.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, BadRequest> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(head)) if head <= HEAD_BYTES => head,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(BadRequest::TooLong),
            Err(_) => return Err(BadRequest::Malformed),
        };
        let method = match parsed.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            Some("PUT") => Method::Put,
            _ => Method::Other,
        };
        let target = parsed.path.filter(|path| path.starts_with('/'));
        let path = target.ok_or(BadRequest::Malformed)?;
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut request = Self {
            method,
            path: path.to_owned(),
            length: None,
            content_range: None,
            range: None,
            if_range: None,
            expects_continue: false,
            keeps_alive: parsed.version == Some(1),
        };
        for header in parsed.headers.iter() {
            request.take(header)?;
        }
        if let Some(range) = request.content_range
            && request.length != Some(range.last - range.first + 1)
        {
            return Err(BadRequest::ContentRange);
        }
        Ok(Some((request, head)))
    }

    fn take(&mut self, header: &httparse::Header<'_>) -> Result<(), BadRequest> {
        let value = str::from_utf8(header.value).unwrap_or_default().trim();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("Content-Length") {
            // Two different lengths would mean two different requests to two programs.
            let length = number(value).ok_or(BadRequest::Length)?;
            if self.length.is_some_and(|before| before != length) {
                return Err(BadRequest::Length);
            }
            self.length = Some(length);
        } else if is("Transfer-Encoding") {
            return Err(BadRequest::Length);
        } else if is("Content-Range") {
            let range = ContentRange::parse(value).ok_or(BadRequest::ContentRange)?;
            self.content_range = Some(range);
        } else if is("Range") {
            // What cannot be understood, or has several parts, is ignored: then all of it is sent.
            self.range = ByteRange::parse(value);
        } else if is("If-Range") {
            self.if_range = Some(value.to_owned());
        } else if is("Expect") {
            self.expects_continue = value.eq_ignore_ascii_case("100-continue");
        } else if is("Connection") {
            let mut words = value.split(',').map(str::trim);
            if words.any(|word| word.eq_ignore_ascii_case("close")) {
                self.keeps_alive = false;
            }
        }
        Ok(())
    }
}

impl ContentRange {
    fn parse(value: &str) -> Option<Self> {
        let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, total) = (number(first)?, number(last)?, number(total)?);
        (first <= last && last < total).then_some(Self { first, last, total })
    }
}

impl ByteRange {
    fn parse(value: &str) -> Option<Self> {
        match value.strip_prefix("bytes=")?.trim().split_once('-')? {
            ("", count) => number(count).map(Self::Last),
            (first, "") => number(first).map(|first| Self::From(first, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// Which bytes of a content of this size they are: the first one, and the one after the last. `None`: none of them.
    pub fn of(self, size: u64) -> Option<(u64, u64)> {
        let (first, end) = match self {
            Self::From(first, last) => (
                first,
                last.map_or(size, |last| size.min(last.saturating_add(1))),
            ),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        (first < end).then_some((first, end))
    }
}

/// Digits and nothing else; Rust would take a sign too.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Option<(Request, usize)>, BadRequest> {
        Request::parse(head.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn a_request_says_what_where_and_how_much() {
        let head = "PUT /f/abc/a.png?x HTTP/1.1\nHost: h\nContent-Length: 10\ncontent-range: bytes 5-14/20\nExpect: 100-continue\n\nrest";
        let (request, length) = parse(head).unwrap().unwrap();
        assert_eq!(length, head.replace('\n', "\r\n").len() - "rest".len());
        assert_eq!(
            request,
            Request {
                method: Method::Put,
                path: "/f/abc/a.png".into(),
                length: Some(10),
                content_range: Some(ContentRange {
                    first: 5,
                    last: 14,
                    total: 20
                }),
                range: None,
                if_range: None,
                expects_continue: true,
                keeps_alive: true,
            }
        );
        let (request, _) = parse("GET / HTTP/1.0\nRange: bytes=-5\n\n")
            .unwrap()
            .unwrap();
        assert_eq!(request.range, Some(ByteRange::Last(5)));
        assert!(!request.keeps_alive);
        assert_eq!(parse("GET / HTTP/1.1\nHost: h\n"), Ok(None));
    }

    #[test]
    fn what_could_be_understood_in_two_ways_is_refused() {
        for (head, why) in [
            ("GET http://h/ HTTP/1.1\n\n", BadRequest::Malformed),
            ("GET / HTTP/2.0\n\n", BadRequest::Malformed),
            (
                "PUT / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n",
                BadRequest::Length,
            ),
            ("PUT / HTTP/1.1\nContent-Length: +1\n\n", BadRequest::Length),
            (
                "PUT / HTTP/1.1\nContent-Length: 99999999999999999999\n\n",
                BadRequest::Length,
            ),
            (
                "PUT / HTTP/1.1\nTransfer-Encoding: chunked\n\n",
                BadRequest::Length,
            ),
            (
                "PUT / HTTP/1.1\nContent-Length: 2\nContent-Range: bytes 0-2/9\n\n",
                BadRequest::ContentRange,
            ),
            (
                "PUT / HTTP/1.1\nContent-Length: 2\nContent-Range: bytes 8-9/9\n\n",
                BadRequest::ContentRange,
            ),
            (
                "PUT / HTTP/1.1\nContent-Range: bytes 0-18446744073709551615/9\n\n",
                BadRequest::ContentRange,
            ),
        ] {
            assert_eq!(parse(head), Err(why), "{head}");
        }
        let long = format!("GET / HTTP/1.1\nX: {}\n\n", "x".repeat(HEAD_BYTES));
        assert_eq!(parse(&long), Err(BadRequest::TooLong));
        let many = format!("GET / HTTP/1.1\n{}\n", "X: y\n".repeat(HEADERS + 1));
        assert_eq!(parse(&many), Err(BadRequest::TooLong));
    }

    #[test]
    fn a_range_is_cut_to_the_content() {
        for (range, size, bytes) in [
            ("bytes=0-", 10, Some((0, 10))),
            ("bytes=3-4", 10, Some((3, 5))),
            ("bytes=9-99", 10, Some((9, 10))),
            ("bytes=10-", 10, None),
            ("bytes=-3", 10, Some((7, 10))),
            ("bytes=-30", 10, Some((0, 10))),
            ("bytes=-0", 10, None),
            ("bytes=0-0", 0, None),
            ("bytes=5-18446744073709551615", 10, Some((5, 10))),
        ] {
            let range = ByteRange::parse(range).unwrap();
            assert_eq!(range.of(size), bytes, "{range:?}");
        }
        for bad in [
            "bytes=0-1,4-5",
            "bytes=4-3",
            "lines=1-2",
            "bytes=",
            "bytes=a-b",
        ] {
            assert_eq!(ByteRange::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_first_line_of_the_chat_begins_a_request() {
        for line in [
            "GET",
            "GET live/1",
            "GET live/1 device=/x",
            "PUT K7QF-3MZA-WQ2T-6XNC-5RPE-HB4D-VU",
            "HEAD ",
            "GET  /",
            "get /",
            "@GET /f/x",
            "status/1 KEY",
        ] {
            assert!(!is_first_line(line.as_bytes()), "{line}");
        }
        for line in ["GET / HTTP/1.1", "PUT /f/x HTTP/1.1", "HEAD /f/x HTTP/1.0"] {
            assert!(is_first_line(line.as_bytes()), "{line}");
        }
    }
}
