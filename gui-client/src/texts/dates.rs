use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Texts;

const MONTHS: [&str; 12] = [
    "month.1", "month.2", "month.3", "month.4", "month.5", "month.6", "month.7", "month.8",
    "month.9", "month.10", "month.11", "month.12",
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

/// `14:05`.
pub fn time_of_day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%H:%M").to_string()
}

/// What stands above the first message of a day.
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

/// What a row of the conversation list shows: the time today, else the day, as short as can be.
pub fn row_time(texts: &Texts, at: Timestamp, today: Date, zone: &TimeZone) -> String {
    let day = zone.to_datetime(at).date();
    match days_before(day, today) {
        0 => time_of_day(at, zone),
        1 => texts.get("day.yesterday").to_owned(),
        2..=6 => weekday(texts, day).to_owned(),
        _ => texts.fill(
            "day.short",
            &[
                ("day", &format!("{:02}", day.day())),
                ("month", &format!("{:02}", day.month())),
                ("year", &day.year().to_string()),
            ],
        ),
    }
}

/// A moment of the past: the time today, else with its day.
pub fn moment(texts: &Texts, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (day, today) = (zone.to_datetime(at).date(), zone.to_datetime(now).date());
    let time = time_of_day(at, zone);
    if day == today {
        return time;
    }
    let day = row_time(texts, at, today, zone);
    texts.fill("day.with_time", &[("day", &day), ("time", &time)])
}

fn days_before(day: Date, today: Date) -> i32 {
    (today - day).get_days()
}

fn month(texts: &Texts, day: Date) -> &str {
    texts.get(MONTHS[usize::from(day.month().unsigned_abs()) - 1])
}

fn weekday(texts: &Texts, day: Date) -> &str {
    let monday_first = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
    texts.get(WEEKDAYS[monday_first])
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Language;

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
    fn rows_show_the_time_today_and_the_day_before_that() {
        let zone = TimeZone::fixed(jiff::tz::offset(-3));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let today = date(2026, 11, 23);
        let check = |time: &str, expected: &str| {
            let texts = Texts::of(Language::English);
            assert_eq!(row_time(texts, at(time), today, &zone), expected);
        };
        check("2026-11-23T17:05:00Z", "14:05");
        check("2026-11-23T02:05:00Z", "Yesterday");
        check("2026-11-19T12:00:00Z", "Thursday");
        check("2026-01-02T12:00:00Z", "2026-01-02");
    }
}
