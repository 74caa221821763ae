use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Texts, clock};

const MONTHS: [&str; 12] = [
    "month.1", "month.2", "month.3", "month.4", "month.5", "month.6", "month.7", "month.8",
    "month.9", "month.10", "month.11", "month.12",
];

/// Months and days of the week as short as a row needs them.
const MONTHS_IN_ROWS: [&str; 12] = [
    "month_row.1",
    "month_row.2",
    "month_row.3",
    "month_row.4",
    "month_row.5",
    "month_row.6",
    "month_row.7",
    "month_row.8",
    "month_row.9",
    "month_row.10",
    "month_row.11",
    "month_row.12",
];

const WEEKDAYS_IN_ROWS: [&str; 7] = [
    "weekday_row.1",
    "weekday_row.2",
    "weekday_row.3",
    "weekday_row.4",
    "weekday_row.5",
    "weekday_row.6",
    "weekday_row.7",
];

const WEEKDAYS: [&str; 7] = [
    "weekday.1",
    "weekday.2",
    "weekday.3",
    "weekday.4",
    "weekday.5",
    "weekday.6",
    "weekday.7",
];

/// Days of the week within a sentence, after their preposition.
const ON_WEEKDAYS: [&str; 7] = [
    "weekday_on.1",
    "weekday_on.2",
    "weekday_on.3",
    "weekday_on.4",
    "weekday_on.5",
    "weekday_on.6",
    "weekday_on.7",
];

/// `14:05`, or `2:05 PM` where people say so.
pub fn time_of_day(texts: &Texts, at: Timestamp, zone: &TimeZone) -> String {
    clock::time(texts, zone.to_datetime(at).time())
}

/// The heading above the first message of a day.
pub fn day_line(texts: &Texts, day: Date, today: Date) -> String {
    match days_before(day, today) {
        0 => texts.get("day.today").to_owned(),
        1 => texts.get("day.yesterday").to_owned(),
        _ if day.year() == today.year() => texts.fill(
            "day.this_year",
            &[
                ("weekday", weekday(texts, day)),
                ("day", &day.day().to_string()),
                ("month", month(texts, day)),
            ],
        ),
        _ => long_date(texts, day),
    }
}

/// A month with its year, as a heading.
pub fn month_line(texts: &Texts, day: Date) -> String {
    let values = [
        ("month", month(texts, day)),
        ("year", &day.year().to_string()),
    ];
    texts.fill("day.month", &values)
}

/// The short name of a day of the week, counted from Sunday.
pub fn weekday_in_row(texts: &Texts, day: usize) -> &str {
    texts.get(WEEKDAYS_IN_ROWS[(day + 6) % 7])
}

/// A day with its year.
pub fn long_date(texts: &Texts, day: Date) -> String {
    texts.fill(
        "day.other_year",
        &[
            ("day", &day.day().to_string()),
            ("month", month(texts, day)),
            ("year", &day.year().to_string()),
        ],
    )
}

/// A moment in full.
pub fn full_moment(texts: &Texts, at: Timestamp, zone: &TimeZone) -> String {
    let day = zone.to_datetime(at).date();
    texts.fill(
        "day.full_moment",
        &[
            ("weekday", weekday(texts, day)),
            ("date", &long_date(texts, day)),
            ("time", &time_of_day(texts, at, zone)),
        ],
    )
}

/// The time in a row of the conversation list: the time of today, else the day, as short as
/// possible.
pub fn row_time(texts: &Texts, at: Timestamp, today: Date, zone: &TimeZone) -> String {
    let day = zone.to_datetime(at).date();
    match day == today {
        true => time_of_day(texts, at, zone),
        false => row_date(texts, day, today),
    }
}

/// A day, as short as possible.
pub fn row_date(texts: &Texts, day: Date, today: Date) -> String {
    match days_before(day, today) {
        0 => texts.get("day.today").to_owned(),
        1 => texts.get("day.yesterday").to_owned(),
        2..=6 => texts.get(WEEKDAYS_IN_ROWS[monday_first(day)]).to_owned(),
        _ => texts.fill(
            match day.year() == today.year() {
                true => "day.short_this_year",
                false => "day.short",
            },
            &[
                ("day", &day.day().to_string()),
                ("month", month_in_row(texts, day)),
                ("year", &day.year().to_string()),
            ],
        ),
    }
}

/// A past moment within a sentence: `at 14:05`, `yesterday at 14:05`, `on Thursday at 14:05`.
pub fn moment(texts: &Texts, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (day, today) = (zone.to_datetime(at).date(), zone.to_datetime(now).date());
    let time = time_of_day(texts, at, zone);
    let time = ("time", time.as_str());
    match days_before(day, today) {
        0 => texts.fill("moment.today", &[time]),
        1 => texts.fill("moment.yesterday", &[time]),
        2..=6 => texts.fill(
            "moment.weekday",
            &[("weekday", on_weekday(texts, day)), time],
        ),
        _ => texts.fill(
            match day.year() == today.year() {
                true => "moment.this_year",
                false => "moment.day",
            },
            &[
                ("day", &day.day().to_string()),
                ("month", month_in_row(texts, day)),
                ("year", &day.year().to_string()),
                time,
            ],
        ),
    }
}

fn days_before(day: Date, today: Date) -> i32 {
    (today - day).get_days()
}

fn month(texts: &Texts, day: Date) -> &str {
    texts.get(MONTHS[january_first(day)])
}

fn month_in_row(texts: &Texts, day: Date) -> &str {
    texts.get(MONTHS_IN_ROWS[january_first(day)])
}

fn weekday(texts: &Texts, day: Date) -> &str {
    texts.get(WEEKDAYS[monday_first(day)])
}

fn on_weekday(texts: &Texts, day: Date) -> &str {
    texts.get(ON_WEEKDAYS[monday_first(day)])
}

fn january_first(day: Date) -> usize {
    usize::from(day.month().unsigned_abs()) - 1
}

fn monday_first(day: Date) -> usize {
    usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::texts::Language;

    #[test]
    fn days_are_said_as_people_say_them() {
        let today = date(2026, 11, 23);
        let check = |language, day, expected: &str| {
            assert_eq!(day_line(Texts::of(language), day, today), expected);
        };
        check(Language::English, today, "Today");
        check(Language::Portuguese, date(2026, 11, 22), "Ontem");
        check(Language::English, date(2026, 3, 1), "Sunday, March 1");
        check(
            Language::Portuguese,
            date(2026, 3, 1),
            "domingo, 1 de março",
        );
        check(Language::English, date(2025, 12, 31), "December 31, 2025");
    }

    #[test]
    fn a_full_moment_leaves_nothing_out() {
        let at = "2026-11-23T14:05:00Z".parse().unwrap();
        let full = |language| full_moment(Texts::of(language), at, &TimeZone::UTC);
        assert_eq!(full(Language::English), "Monday, November 23, 2026, 14:05");
        let portuguese = "segunda-feira, 23 de novembro de 2026, 14:05";
        assert_eq!(full(Language::Portuguese), portuguese);
    }

    #[test]
    fn rows_show_the_time_today_and_the_day_before_that() {
        let zone = TimeZone::fixed(jiff::tz::offset(-3));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let today = date(2026, 11, 23);
        let check = |time: &str, english: &str, portuguese: &str| {
            for (language, expected) in [
                (Language::English, english),
                (Language::Portuguese, portuguese),
            ] {
                let texts = Texts::of(language);
                assert_eq!(row_time(texts, at(time), today, &zone), expected);
            }
        };
        check("2026-11-23T17:05:00Z", "14:05", "14:05");
        check("2026-11-23T02:05:00Z", "Yesterday", "Ontem");
        check("2026-11-19T12:00:00Z", "Thu", "qui.");
        check("2026-08-08T12:00:00Z", "Aug 8", "8 ago.");
        check("2022-08-08T12:00:00Z", "Aug 8, 2022", "8 ago. 2022");
    }

    #[test]
    fn moments_stand_in_a_sentence() {
        let zone = TimeZone::UTC;
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-23T17:05:00Z");
        let check = |time: &str, english: &str, portuguese: &str| {
            for (language, expected) in [
                (Language::English, english),
                (Language::Portuguese, portuguese),
            ] {
                assert_eq!(moment(Texts::of(language), at(time), now, &zone), expected);
            }
        };
        check("2026-11-23T03:20:00Z", "at 03:20", "às 03:20");
        check(
            "2026-11-22T03:20:00Z",
            "yesterday at 03:20",
            "ontem às 03:20",
        );
        check(
            "2026-11-19T03:20:00Z",
            "on Thursday at 03:20",
            "na quinta-feira às 03:20",
        );
        check(
            "2026-11-21T03:20:00Z",
            "on Saturday at 03:20",
            "no sábado às 03:20",
        );
        check(
            "2026-08-08T03:20:00Z",
            "on Aug 8 at 03:20",
            "em 8 de ago. às 03:20",
        );
        check(
            "2022-08-08T03:20:00Z",
            "on Aug 8, 2022 at 03:20",
            "em 8 de ago. de 2022 às 03:20",
        );
    }
}
