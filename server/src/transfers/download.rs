//! Sends files.

use std::io::{Read, Seek, SeekFrom};

use mensageiro_protocol::{FileName, MediaType, live::FileToken};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Answered, BLOCK_BYTES, Transfer, flow, pace::Pace};
use crate::{
    files::{Missing, Slot},
    http::{Method, Request, Response, Status},
};

/// What a browser may show by itself. All else it saves.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

impl Transfer<'_> {
    /// Answers GET and HEAD (rules H4 and H5).
    pub(super) fn send(&self, request: &Request, token: &FileToken) -> Answered {
        let files = &self.context.files;
        let Some(slot) = files.slot(token) else {
            return self.say(
                request,
                Response::new(Status::NotFound),
                "there is no such file\n",
            );
        };
        if !slot.is_whole() {
            return self.tell_offset(request, &slot);
        }
        let (slot, mut file) = match files.open_content(token) {
            Ok(opened) => opened,
            Err(Missing::Unknown) => {
                let response = Response::new(Status::NotFound);
                return self.say(request, response, "there is no such file\n");
            }
            Err(error) => {
                let response = Response::new(Status::ServerError);
                return self.say(request, response, &format!("{error}\n"));
            }
        };
        let etag = etag(&slot);
        // A part of another content would not fit what the client has.
        let is_same = request
            .if_range
            .as_ref()
            .is_none_or(|wanted| *wanted == etag);
        let range = request.range.filter(|_| is_same);
        let part = range.map(|range| range.of(slot.size));
        let (response, (first, end)) = match part {
            None => (Response::new(Status::Ok), (0, slot.size)),
            Some(Some((first, end))) => {
                let range = format!("bytes {first}-{}/{}", end - 1, slot.size);
                let response = Response::new(Status::PartialContent);
                (response.with("Content-Range", range), (first, end))
            }
            Some(None) => {
                let response = Response::new(Status::RangeNotSatisfiable);
                let response = response.with("Content-Range", format!("bytes */{}", slot.size));
                return self.say(request, response, "the file has no such part\n");
            }
        };
        let keeps_alive = request.keeps_alive && request.length.unwrap_or(0) == 0;
        let head = safe(response.with("ETag", etag), &slot.name, &slot.kind);
        let head = head.head(Some(end - first), keeps_alive);
        self.transport.write_all(&head)?;
        if request.method == Method::Head {
            return Ok(flow(keeps_alive));
        }
        file.seek(SeekFrom::Start(first))?;
        let mut file = file.take(end - first);
        let mut block = vec![0; BLOCK_BYTES];
        let mut pace = Pace::new(self.context.limits.dead_link_after);
        let mut left = end - first;
        while left > 0 {
            let count = file.read(&mut block)?;
            if count == 0 {
                // Somebody has cut the file off meanwhile: the client must see that something is missing.
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.transport.write_all(&block[..count])?;
            pace.note(count)?;
            left -= count as u64;
        }
        if end == slot.size {
            files.note_sent();
        }
        Ok(flow(keeps_alive))
    }

    /// How much of a file is here that is not whole yet.
    fn tell_offset(&self, request: &Request, slot: &Slot) -> Answered {
        if request.method == Method::Get {
            let response = Response::new(Status::NotFound);
            return self.say(request, response, "the file is not whole yet\n");
        }
        let keeps_alive = request.keeps_alive && request.length.unwrap_or(0) == 0;
        let head = Response::new(Status::NoContent)
            .with("Upload-Offset", self.context.files.offset(slot))
            .with("Upload-Length", slot.size)
            .with("Cache-Control", "no-store")
            .head(None, keeps_alive);
        self.transport.write_all(&head)?;
        Ok(flow(keeps_alive))
    }
}

/// What identifies a content.
pub(super) fn etag(slot: &Slot) -> String {
    slot.content()
        .map_or_else(String::new, |hash| format!("\"{hash}\""))
}

/// Adds what a browser must know to save what could run, and to tell nobody where it is (rule H6).
fn safe(response: Response, name: &FileName, kind: &MediaType) -> Response {
    let is_picture = PICTURES.contains(&kind.as_str());
    let disposition = if is_picture { "inline" } else { "attachment" };
    let ascii: String = name
        .as_str()
        .chars()
        .map(|c| if c.is_ascii() { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
    response
        .with("Content-Type", told(kind))
        .with(
            "Content-Disposition",
            format_args!("{disposition}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}"),
        )
        .with("Accept-Ranges", "bytes")
        .with("Cross-Origin-Resource-Policy", "same-origin")
        .with("Referrer-Policy", "no-referrer")
        .with("Cache-Control", "private, no-store")
}

/// Types that run nothing are told as they were announced, all others as bytes.
fn told(kind: &MediaType) -> &str {
    let kind = kind.as_str();
    let is_harmless = PICTURES.contains(&kind)
        || ["audio/", "video/"]
            .iter()
            .any(|begin| kind.starts_with(begin))
        || ["text/plain", "application/pdf", "application/zip"].contains(&kind);
    match is_harmless {
        true => kind,
        false => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_to_save_what_could_run() {
        let head = |name: &str, kind: &str| {
            let response = safe(Response::new(Status::Ok), &name.into(), &kind.into());
            String::from_utf8(response.head(Some(0), true)).unwrap()
        };
        let picture = head("praça \"1\".png", "image/png");
        assert!(picture.contains("Content-Type: image/png\r\n"), "{picture}");
        assert!(picture.contains("inline; filename=\"pra_a _1_.png\"; filename*=UTF-8''pra%C3%A7a%20%5F1%5F%2Epng\r\n"), "{picture}");
        for kind in ["text/html", "image/svg+xml", "application/javascript", "?"] {
            let page = head("a.html", kind);
            assert!(
                page.contains("Content-Type: application/octet-stream\r\n"),
                "{page}"
            );
            assert!(page.contains("Content-Disposition: attachment;"), "{page}");
            assert!(
                page.contains("nosniff") && page.contains("; sandbox\r\n"),
                "{page}"
            );
        }
    }
}
