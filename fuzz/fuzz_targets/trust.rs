//! Whatever is pasted or typed as a link, a code, a key or a fingerprint: no panic, what is read is read the same when it is
//! written again, and no error repeats a code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mensageiro_protocol::trust::{DeviceId, Fingerprint, InviteLink, Secret};

fuzz_target!(|text: &str| {
    if let Ok(secret) = Secret::parse(text) {
        assert_eq!(Secret::parse(&secret.written()), Ok(secret.clone()));
        assert_eq!(Secret::parse(&secret.plain()), Ok(secret));
    }
    if let Ok(key) = Fingerprint::parse(text) {
        assert_eq!(Fingerprint::parse(&key.to_string()), Ok(key));
    }
    if let Ok(id) = DeviceId::parse(text) {
        assert_eq!(DeviceId::parse(&id.to_string()), Ok(id));
    }
    match InviteLink::parse(text) {
        Ok(link) => {
            let written = link.written();
            let shown = format!("{link:?}");
            assert!(!shown.contains(link.code.plain().as_str()));
            assert_eq!(InviteLink::parse(&written), Ok(link));
        }
        Err(error) => {
            let code = text.rsplit_once('#').map_or("", |(_, code)| code.trim());
            let is_code = code.len() >= 20 && !code.contains(char::is_whitespace);
            let is_told = is_code && error.to_string().contains(code);
            assert!(!is_told, "{error}");
        }
    }
});
