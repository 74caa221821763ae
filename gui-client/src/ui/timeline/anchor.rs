use crate::{engine::SortKey, model::Timeline};

/// Room above the first and below the last message.
const MARGIN: f32 = 12.0;

/// The scroll position of a timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Anchor {
    /// At the end. It stays there when messages arrive.
    Latest,
    /// The bubble of this message begins `top` points below the upper edge of the window; a negative value is above it.
    Message {
        /// The message with this sort key, or the first one after it.
        sort_key: SortKey,
        /// The upper edge of its bubble, in points.
        top: f32,
    },
}

/// The heights of a row, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heights {
    /// The separators above the bubble.
    pub above: f32,
    /// The bubble and a notice below it.
    pub bubble: f32,
}

/// A visible row and its position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedRow {
    /// The index of its message in the timeline.
    pub index: usize,
    /// The upper edge of its bubble, below the upper edge of the window.
    pub bubble_top: f32,
    /// Its heights.
    pub heights: Heights,
}

/// The visible part of a timeline.
#[derive(Debug, PartialEq)]
pub struct Placed {
    /// From top to bottom; empty only if the timeline is.
    pub rows: Vec<PlacedRow>,
    /// The end of the newest message is visible.
    pub at_latest: bool,
    /// The scroll position after this frame.
    pub anchor: Anchor,
}

impl PlacedRow {
    /// The upper edge of the row, including its separators.
    pub fn top(&self) -> f32 {
        self.bubble_top - self.heights.above
    }

    /// The lower edge of the row.
    pub fn bottom(&self) -> f32 {
        self.bubble_top + self.heights.bubble
    }

    /// The total height.
    pub fn height(&self) -> f32 {
        self.heights.above + self.heights.bubble
    }
}

/// Places the rows that are visible in a window of this height, after scrolling by `scroll`
/// points (up the page is positive). Measures those rows and at most one more on either side.
pub fn place(
    anchor: Anchor,
    scroll: f32,
    messages: &Timeline,
    height: f32,
    measure: &mut impl FnMut(usize) -> Heights,
) -> Placed {
    let last = messages.len() - 1;
    let (index, top) = match anchor {
        Anchor::Message { sort_key, top }
            if messages
                .get(0)
                .is_some_and(|first| first.sort_key <= sort_key) =>
        {
            (messages.index_at(sort_key).min(last), Some(top))
        }
        _ => (last, None),
    };
    let heights = measure(index);
    let top = top.unwrap_or(height - MARGIN - heights.bubble) + scroll;
    let mut rows = vec![PlacedRow {
        index,
        bubble_top: top,
        heights,
    }];
    fill_below(&mut rows, last, height, measure);
    // No gap opens below the newest message or above the oldest one. A timeline that is shorter than the window is at its
    // lower edge.
    let gap = height - MARGIN - rows[rows.len() - 1].bottom();
    if rows[rows.len() - 1].index == last && gap > 0.0 {
        shift(&mut rows, gap);
    }
    fill_above(&mut rows, measure);
    let gap = rows[0].top() - MARGIN;
    if rows[0].index == 0 && gap > 0.0 {
        shift(&mut rows, -gap);
        fill_below(&mut rows, last, height, measure);
        let end = rows[rows.len() - 1];
        let gap = height - MARGIN - end.bottom();
        if end.index == last && gap > 0.0 {
            shift(&mut rows, gap);
        }
    }
    let end = rows[rows.len() - 1];
    let is_at_end = end.index == last && end.bottom() <= height - MARGIN + 0.5;
    let at_latest = is_at_end && !messages.newer;
    rows.retain(|row| row.bottom() > 0.0 && row.top() < height);
    let anchor = match rows.first().and_then(|row| {
        let message = messages.get(row.index)?;
        Some((message.sort_key, row.bubble_top))
    }) {
        Some((sort_key, top)) if !at_latest => Anchor::Message { sort_key, top },
        _ => Anchor::Latest,
    };
    Placed {
        rows,
        at_latest,
        anchor,
    }
}

fn fill_below(
    rows: &mut Vec<PlacedRow>,
    last: usize,
    height: f32,
    measure: &mut impl FnMut(usize) -> Heights,
) {
    let mut end = rows[rows.len() - 1];
    while end.index < last && end.bottom() < height {
        let heights = measure(end.index + 1);
        end = PlacedRow {
            index: end.index + 1,
            bubble_top: end.bottom() + heights.above,
            heights,
        };
        rows.push(end);
    }
}

fn fill_above(rows: &mut Vec<PlacedRow>, measure: &mut impl FnMut(usize) -> Heights) {
    let mut begin = rows[0];
    let mut above = Vec::new();
    while begin.index > 0 && begin.top() > 0.0 {
        let heights = measure(begin.index - 1);
        begin = PlacedRow {
            index: begin.index - 1,
            bubble_top: begin.top() - heights.bubble,
            heights,
        };
        above.push(begin);
    }
    above.reverse();
    rows.splice(0..0, above);
}

fn shift(rows: &mut [PlacedRow], by: f32) {
    for row in rows {
        row.bubble_top += by;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::Text;

    use super::*;
    use crate::engine::{Delivery, Message, MessageId, Older, Peer};

    const HEIGHT: f32 = 600.0;

    fn message(id: i64) -> Message {
        Message {
            id: MessageId(id),
            sort_key: SortKey(id),
            server_id: None,
            with: Peer::Server,
            author: None,
            text: Text::from("x"),
            re: None,
            edited: None,
            is_changing: false,
            at: Timestamp::UNIX_EPOCH,
            written: None,
            delivery: Delivery::Received,
            receipts: vec![],
        }
    }

    fn timeline(ids: std::ops::Range<i64>) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.take_page(None, ids.map(message).collect(), Older::More);
        timeline
    }

    /// Heights that differ from row to row, by the message and not by its index.
    fn heights(messages: &Timeline, index: usize) -> Heights {
        let id = messages.get(index).unwrap().id.0;
        Heights {
            above: if id % 10 == 0 { 40.0 } else { 4.0 },
            bubble: 30.0 + (id % 7) as f32 * 13.0,
        }
    }

    fn placed(anchor: Anchor, scroll: f32, messages: &Timeline) -> Placed {
        place(anchor, scroll, messages, HEIGHT, &mut |index| {
            heights(messages, index)
        })
    }

    /// Where a message's bubble begins.
    fn top_of(placed: &Placed, messages: &Timeline, id: MessageId) -> f32 {
        let row = placed
            .rows
            .iter()
            .find(|row| messages.get(row.index).unwrap().id == id);
        row.unwrap().bubble_top
    }

    #[test]
    fn what_is_read_does_not_move_when_messages_arrive() {
        let mut messages = timeline(0..500);
        let mut before = placed(Anchor::Latest, 4000.0, &messages);
        let read = messages.get(before.rows[2].index).unwrap().id;
        let top = top_of(&before, &messages, read);
        for id in 500..600 {
            messages.take_in(&message(id));
            before = placed(before.anchor, 0.0, &messages);
            assert_eq!(top_of(&before, &messages, read), top);
            assert!(!before.at_latest);
        }
    }

    #[test]
    fn what_is_read_does_not_move_when_older_ones_are_put_in_front() {
        let mut messages = timeline(200..300);
        let before = placed(Anchor::Latest, 100_000.0, &messages);
        assert_eq!(before.rows[0].index, 0);
        let read = messages.get(before.rows[1].index).unwrap().id;
        let top = top_of(&before, &messages, read);
        let older = (100..200).map(message).collect();
        messages.take_page(Some(SortKey(200)), older, Older::More);
        let after = placed(before.anchor, 0.0, &messages);
        assert!((top_of(&after, &messages, read) - top).abs() <= 1.0);
    }

    #[test]
    fn one_point_scrolls_by_one_point_among_a_million() {
        let messages = timeline(0..1_000_000);
        let mut measured = 0;
        let mut at = placed(
            Anchor::Message {
                sort_key: SortKey(700_000),
                top: 100.0,
            },
            0.0,
            &messages,
        );
        let read = MessageId(700_002);
        for _ in 0..50 {
            let top = top_of(&at, &messages, read);
            at = place(at.anchor, -1.0, &messages, HEIGHT, &mut |index| {
                measured += 1;
                heights(&messages, index)
            });
            assert!((top_of(&at, &messages, read) - (top - 1.0)).abs() < 0.01);
        }
        assert!(measured / 50 <= 40, "{measured} rows measured in 50 frames");
    }

    #[test]
    fn the_end_stays_in_view_until_one_scrolls_up() {
        let mut messages = timeline(0..100);
        let at = placed(Anchor::Latest, 0.0, &messages);
        assert!(at.at_latest);
        messages.take_in(&message(100));
        let at = placed(at.anchor, 0.0, &messages);
        assert_eq!(at.rows.last().unwrap().index, 100);
        let at = placed(at.anchor, 30.0, &messages);
        assert!(!at.at_latest);
        let at = placed(at.anchor, -30.0, &messages);
        assert!(at.at_latest, "back at the end");
        assert_eq!(at.anchor, Anchor::Latest);
    }

    #[test]
    fn scrolling_ends_at_both_ends() {
        let messages = timeline(0..100);
        let up = placed(Anchor::Latest, 1e6, &messages);
        assert_eq!(up.rows[0].index, 0);
        assert_eq!(up.rows[0].top(), MARGIN);
        let down = placed(up.anchor, -1e6, &messages);
        assert!(down.at_latest);
        assert_eq!(down.rows.last().unwrap().bottom(), HEIGHT - MARGIN);
    }

    #[test]
    fn few_messages_stand_at_the_lower_edge() {
        let messages = timeline(1..3);
        for scroll in [0.0, 500.0, -500.0] {
            let at = placed(Anchor::Latest, scroll, &messages);
            assert_eq!(at.rows.len(), 2);
            assert!(at.at_latest);
            assert_eq!(at.rows[1].bottom(), HEIGHT - MARGIN);
        }
    }

    #[test]
    fn a_message_that_is_gone_leaves_the_next_one_in_its_place() {
        let mut messages = timeline(0..100);
        let at = placed(Anchor::Latest, 2000.0, &messages);
        let Anchor::Message { sort_key, top } = at.anchor else {
            panic!("{at:?}");
        };
        messages.forget(MessageId(sort_key.0));
        let after = placed(at.anchor, 0.0, &messages);
        assert_eq!(top_of(&after, &messages, MessageId(sort_key.0 + 1)), top);
    }
}
