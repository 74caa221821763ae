use mensageiro_protocol::trust::Fingerprint;

use super::{Failed, OpenAccount};
use crate::engine::{
    Event, Rights, Security,
    net::{Channel, Input},
};

/// How the connection is protected, and what the server lets the user do.
impl OpenAccount {
    /// A connection was made.
    pub(super) fn begin_security(&mut self, channel: Channel) {
        self.channel = channel;
        self.rights = Rights::default();
        self.is_security_told = false;
    }

    pub(super) fn take_rights(&mut self, rights: Rights) {
        let has_changed = std::mem::replace(&mut self.rights, rights) != rights;
        if has_changed && std::mem::take(&mut self.is_security_told) {
            self.tell_security();
        }
    }

    /// Tells the window, once for each connection.
    pub(super) fn tell_security(&mut self) {
        if !std::mem::replace(&mut self.is_security_told, true) {
            self.tell.event(Event::Security(Security {
                encryption: self.channel.encryption.clone(),
                rights: self.rights,
            }));
        }
    }

    /// The person has compared the fingerprint of the server's key.
    pub(in crate::engine) fn trust(&mut self, fingerprint: Fingerprint) -> Result<(), Failed> {
        // If it cannot be stored, the next connection says why. If the server has another key by now, it is asked about.
        if let Err(error) = self.trust.confirm(fingerprint) {
            tracing::error!(%error, "the key is not remembered");
        }
        self.handle(std::time::Instant::now(), Input::FetchNow)
    }

    /// The server wants TLS.
    pub(super) fn try_tls(&self) {
        // The next connection reads the same file, and says why.
        if let Err(error) = self.trust.forget_plain() {
            tracing::error!(%error, "that the server has TLS is not remembered");
        }
    }
}
