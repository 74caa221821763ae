//! Takes files.

use std::{
    io::{self, ErrorKind},
    ops::ControlFlow,
};

use mensageiro_protocol::live::{FileToken, RefusalCode};
use tracing::{info, warn};

use super::{Answered, BLOCK_BYTES, Transfer, download::etag, flow, pace::Pace};
use crate::{
    budgets::cost,
    files::{FileRefusal, Slot, Upload, UploadRefusal},
    http::{Incoming, Request, Response, Status},
};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// When somebody may try again, in seconds.
const RETRY_AFTER: u32 = 10;

impl Transfer<'_> {
    /// Answers PUT (rules H2 and H3).
    pub(super) fn receive(
        &mut self,
        request: &Request,
        token: &FileToken,
        incoming: &mut Incoming<'_>,
    ) -> Answered {
        let files = self.context.files.clone();
        let users = &self.context.directory.people().users;
        let slot = files.slot(token).filter(|slot| users.contains(&slot.login));
        let Some(slot) = slot else {
            return self.refuse(Status::NotFound, "there is no such file\n");
        };
        let Some(length) = request.length else {
            return self.refuse(Status::LengthRequired, "PUT needs a Content-Length\n");
        };
        let (from, total) = match request.content_range {
            Some(range) => (range.first, range.total),
            None => (0, length),
        };
        if total != slot.size {
            let why = format!("the file was announced with {} bytes\n", slot.size);
            return self.refuse(Status::Conflict, &why);
        }
        if slot.is_whole() {
            return self.refuse_upload(&UploadRefusal::IsWhole, &slot);
        }
        if !self.log_in(&slot, from) {
            let response = Response::new(Status::Unavailable).with("Retry-After", RETRY_AFTER);
            return self.say_last(response, "you have too many connections\n");
        }
        let transport = self.transport.clone();
        let begun = files.begin_upload(token, from, move || transport.hang_up());
        let mut upload = match begun {
            Ok(upload) => upload,
            Err(why) => return self.refuse_upload(&why, &slot),
        };
        if request.expects_continue {
            self.transport.write_all(CONTINUE)?;
        }
        if let Err(why) = self.take(&mut upload, length, incoming)? {
            return self.refuse_upload(&why.into(), &slot);
        }
        if upload.offset() < slot.size {
            let response = Response::new(Status::Accepted).with("Upload-Offset", upload.offset());
            drop(upload);
            self.transport
                .write_all(&response.head(Some(0), request.keeps_alive))?;
            return Ok(flow(request.keeps_alive));
        }
        let slot = match upload.finish() {
            Ok(whole) => whole,
            Err(why) => return self.refuse_upload(&why, &slot),
        };
        info!("{} has uploaded a file of {} bytes", slot.login, slot.size);
        let response = Response::new(Status::Created).with("ETag", etag(&slot));
        self.transport
            .write_all(&response.head(Some(0), request.keeps_alive))?;
        Ok(flow(request.keeps_alive))
    }

    /// An upload counts as a session of the user who has announced the file. One that goes on costs what is read again for it:
    /// who asks for that again and again is not let in.
    fn log_in(&mut self, slot: &Slot, from: u64) -> bool {
        let session = self.context.budgets.enter(&slot.login);
        session.is_ok_and(|session| {
            session.budget().charge(cost::hashing(from.min(slot.size)));
            self.connection.log_in(session).is_ok()
        })
    }

    /// Takes the content of the request. The outer error is the connection's: what has come stays.
    fn take(
        &self,
        upload: &mut Upload<'_>,
        length: u64,
        incoming: &mut Incoming<'_>,
    ) -> io::Result<Result<(), FileRefusal>> {
        let patience = self.context.limits.dead_link_after;
        let mut pace = Pace::new(patience);
        let mut block = vec![0; BLOCK_BYTES];
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            let count = match incoming.content(&mut block[..most], patience) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
            if let Err(why) = upload.write(&block[..count]) {
                return Ok(Err(why));
            }
            pace.note(count)?;
            left -= count as u64;
        }
        Ok(Ok(()))
    }

    fn refuse_upload(&self, why: &UploadRefusal, slot: &Slot) -> Answered {
        let status = match why {
            // Somebody has not heard that it is: that is no failure.
            UploadRefusal::IsWhole => {
                let response = Response::new(Status::Ok).with("ETag", etag(slot));
                self.transport.write_all(&response.head(Some(0), false))?;
                return Ok(ControlFlow::Break(()));
            }
            UploadRefusal::Unknown => Status::NotFound,
            UploadRefusal::Offset(_) => Status::Conflict,
            UploadRefusal::Busy => Status::Unavailable,
            UploadRefusal::Hash => Status::Unprocessable,
            UploadRefusal::Refused(why) => match why.code() {
                RefusalCode::DiskFull => Status::InsufficientStorage,
                _ => {
                    warn!("a file of {} cannot be stored: {why:?}", slot.login);
                    Status::ServerError
                }
            },
        };
        let response = Response::new(status);
        let response = match why {
            UploadRefusal::Offset(here) => response.with("Upload-Offset", here),
            UploadRefusal::Hash => response.with("Upload-Offset", 0),
            UploadRefusal::Busy => response.with("Retry-After", RETRY_AFTER),
            _ => response,
        };
        self.say_last(response, &format!("{why}\n"))
    }
}
