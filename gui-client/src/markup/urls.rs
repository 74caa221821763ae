use std::ops::Range;

/// Where the web addresses of a text are, in bytes, in order.
pub fn find_urls(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| text[from..].find(scheme))
        .min()
    {
        let start = from + at;
        let rest = &text[start..];
        let end = rest
            .find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c))
            .unwrap_or(rest.len());
        let address = trim_sentence(&rest[..end]);
        let host = address.split_once("://").map_or("", |(_, host)| host);
        if host.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
            found.push(start..start + address.len());
        }
        from = start + end.max("http://".len()).min(rest.len());
    }
    found
}

/// Takes off what ends the sentence and not the address.
fn trim_sentence(mut address: &str) -> &str {
    loop {
        let Some(last) = address.chars().next_back() else {
            return address;
        };
        let closes = |open: char, close: char| {
            last == close && address.matches(close).count() > address.matches(open).count()
        };
        if ".,;:!?'…*".contains(last) || closes('(', ')') || closes('[', ']') {
            address = &address[..address.len() - last.len_utf8()];
        } else {
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = find_urls(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn addresses_are_found_without_the_sentence_around_them() {
        check("no link here", &[]);
        check("see https://example.org.", &["https://example.org"]);
        check(
            "(http://a.b/c_(d)) and https://x.y?q=1!",
            &["http://a.b/c_(d)", "https://x.y?q=1"],
        );
        check(
            "ação: https://pt.example/ação",
            &["https://pt.example/ação"],
        );
        check("http:// alone, https://", &[]);
        check("javascript:alert(1) file:///etc", &[]);
        check("http://a.b\nhttp://c.d", &["http://a.b", "http://c.d"]);
    }
}
