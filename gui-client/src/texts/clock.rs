//! Whether the time of day is told with twelve or with 24 hours: as people do where the system says that it is.

use std::sync::OnceLock;

use jiff::civil::Time;

use super::Texts;

/// Where twelve hours are usual, by ISO 3166 (Unicode CLDR, `timeData`).
const TWELVE_HOURS: &str = "AE AG AL AS AU BB BD BH BM BN BO BS BT CA CO CR CU CY DJ DM DO DZ EC EG EH ER ET FJ FM GD GH GM GR \
     GT GU GY HK HN IN IQ JM JO KH KI KN KP KR KW KY LB LC LR LS LY MH MO MP MR MW MX MY NA NI NZ OM PA PE PG PH PK PR PS PW QA \
     SA SB SD SG SL SO SS SV SY SZ TC TD TN TO TT TW UM US VC VE VG VI VU WS YE ZM";

static HAS_TWELVE_HOURS: OnceLock<bool> = OnceLock::new();

/// Tells the time from now on as the system does. Before, and in tests, it is told with 24 hours.
pub fn use_clock_of_system() {
    let locale = time_locale();
    let _ = HAS_TWELVE_HOURS.set(locale.is_some_and(|locale| has_twelve_hours(&locale)));
}

/// The time of day in hours and minutes.
pub(super) fn time(texts: &Texts, time: Time) -> String {
    match HAS_TWELVE_HOURS.get() {
        Some(true) => in_twelve_hours(texts, time),
        _ => time.strftime("%H:%M").to_string(),
    }
}

fn in_twelve_hours(texts: &Texts, time: Time) -> String {
    let key = match time.hour() < 12 {
        true => "clock.morning",
        false => "clock.afternoon",
    };
    let time = time.strftime("%-I:%M").to_string();
    texts.fill(key, &[("time", &time)])
}

/// The locale of times. On Unix it may be another one than that of texts.
fn time_locale() -> Option<String> {
    let of_times = ["LC_ALL", "LC_TIME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|locale| !locale.is_empty());
    of_times
        .filter(|_| cfg!(unix))
        .or_else(sys_locale::get_locale)
}

/// `en_US.UTF-8`, `en-US` or `sr-Latn-RS`.
fn has_twelve_hours(locale: &str) -> bool {
    let name = locale.split(['.', '@']).next().unwrap_or_default();
    let mut parts = name.split(['_', '-']);
    let is_french = parts
        .next()
        .is_some_and(|language| language.eq_ignore_ascii_case("fr"));
    let region =
        parts.find(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic()));
    let region = region.map(str::to_ascii_uppercase);
    region.is_some_and(|region| {
        // Canada's languages differ.
        let is_usual = !(is_french && region == "CA");
        is_usual && TWELVE_HOURS.split_whitespace().any(|one| one == region)
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::time as at;

    use super::*;
    use crate::texts::Language;

    #[test]
    fn the_region_decides_whatever_the_language() {
        for locale in ["en_US.UTF-8", "en-US", "es-MX", "pt-US", "ar_EG", "en_us"] {
            assert!(has_twelve_hours(locale), "{locale}");
        }
        for locale in [
            "pt_BR.UTF-8",
            "pt-BR",
            "en_GB",
            "sr-Latn-RS",
            "C",
            "C.UTF-8",
            "POSIX",
            "",
            "en",
            "de_DE@euro",
            "fr_CA",
        ] {
            assert!(!has_twelve_hours(locale), "{locale}");
        }
    }

    #[test]
    fn noon_and_midnight_are_twelve() {
        let english = Texts::of(Language::English);
        for (hour, minute, expected) in [
            (0, 5, "12:05 AM"),
            (9, 30, "9:30 AM"),
            (12, 0, "12:00 PM"),
            (23, 59, "11:59 PM"),
        ] {
            assert_eq!(in_twelve_hours(english, at(hour, minute, 0, 0)), expected);
        }
        assert_eq!(
            time(english, at(14, 5, 0, 0)),
            "14:05",
            "tests do not depend on the system"
        );
    }
}
