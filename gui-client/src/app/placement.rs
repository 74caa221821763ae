//! Placing a window so that all of it is on a screen. Lengths are in pixels, except those of
//! [`WindowPlace`].

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::model::WindowPlace;

/// Width and height of the content at the first start, in points.
pub const FIRST_SIZE: [f32; 2] = [980.0, 680.0];

/// The least width and height of the content, in points, if the screen has that much.
pub const LEAST_SIZE: [f32; 2] = [320.0, 400.0];

/// When a window must become lower, this much stays free below it for a taskbar, in points, since
/// no system tells its height. On low screens it is [`PANEL_SHARE`] of their height.
const PANEL: f32 = 48.0;

/// See [`PANEL`].
const PANEL_SHARE: f32 = 0.08;

/// The offset between windows of one profile, in points.
const APART: f32 = 32.0;

/// When opening, windows nearer than this are too near; the window system may still move them a
/// little.
const CLEAR: f32 = 24.0;

/// Later, windows nearer than this cover each other.
const ON: f32 = 12.0;

/// How often a window is moved on to find a free place.
const STEPS: i16 = 24;

/// How far a window may stick out: on Windows, part of its border is invisible.
const BORDER: f32 = if cfg!(windows) { 8.0 } else { 0.0 };

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Its rectangle among all screens.
    pub area: Rect,
    /// Pixels per point.
    pub scale: f32,
}

/// The rectangle in which a window should open, and its screen. `frame` is how much larger the
/// window is than its content. `None`: the system chooses the place, and only the size matters.
pub fn opening(
    place: Option<WindowPlace>,
    others: &[WindowPlace],
    frame: Vec2,
    screens: &[Screen],
) -> Option<(Option<Pos2>, Vec2, Screen)> {
    let size = place.map_or(FIRST_SIZE.into(), |place| vec2(place.width, place.height));
    let size = size.max(LEAST_SIZE.into());
    let known = place.iter().chain(others).find_map(corner);
    let outer = |screen: &Screen| {
        let corner = known.unwrap_or(Pos2::ZERO);
        Rect::from_min_size(
            (corner.to_vec2() * screen.scale).to_pos2(),
            size * screen.scale + frame,
        )
    };
    let seen = |screen: &Screen| {
        let seen = outer(screen).intersect(screen.area);
        seen.is_positive().then(|| seen.area())
    };
    let in_sight = screens.iter().filter(|screen| seen(screen).is_some());
    let on = in_sight.max_by(|one, other| {
        let (one, other) = (seen(one), seen(other));
        one.partial_cmp(&other).unwrap_or(std::cmp::Ordering::Equal)
    });
    let screen = *on.or(screens.first())?;
    let outer = match on {
        Some(_) => outer(&screen),
        // The screen it was on is gone.
        None => Rect::from_center_size(screen.area.center(), outer(&screen).size()),
    };
    let fitting = fitting(outer, screen);
    if known.is_none() {
        return Some((None, fitting.size(), screen));
    }
    let beside = beside(fitting, others, CLEAR, screen);
    Some((Some(beside.min), beside.size(), screen))
}

/// Where to move a window that is partly off screen, on two screens, or on top of another window.
/// `None`: it stays.
pub fn moved(outer: Rect, others: &[WindowPlace], screens: &[Screen]) -> Option<(Rect, Screen)> {
    let seen = |screen: &&Screen| {
        let seen = outer.intersect(screen.area);
        if seen.is_positive() { seen.area() } else { 0.0 }
    };
    let most = screens
        .iter()
        .max_by(|one, other| seen(one).total_cmp(&seen(other)));
    let screen = *most?;
    let to = beside(fitting(outer, screen), others, ON, screen);
    let is_off =
        (to.min - outer.min).abs().max_elem() > 0.5 || (to.max - outer.max).abs().max_elem() > 0.5;
    is_off.then_some((to, screen))
}

/// The least size of the content on a screen, in pixels; on a small screen, it leaves room for the
/// frame.
pub fn least(screen: Screen) -> Vec2 {
    let least: Vec2 = LEAST_SIZE.into();
    (least * screen.scale).min(screen.area.size() * 0.9)
}

fn corner(place: &WindowPlace) -> Option<Pos2> {
    Some(pos2(place.x?, place.y?))
}

/// Keeps the size if there is room, and puts all of it on the screen.
fn fitting(outer: Rect, screen: Screen) -> Rect {
    let border = BORDER * screen.scale;
    let area = screen.area.expand2(vec2(border, border));
    let panel = (PANEL * screen.scale).min(PANEL_SHARE * area.height());
    let mut size = outer.size().min(area.size());
    if outer.height() > area.height() {
        size.y = area.height() - panel;
    }
    // A title bar above the screen cannot be grabbed.
    let least = pos2(area.left(), screen.area.top());
    Rect::from_min_size(outer.min.min(area.max - size).max(least), size)
}

/// The nearest place whose corner is not that of another window.
fn beside(window: Rect, others: &[WindowPlace], clear: f32, screen: Screen) -> Rect {
    let apart = APART * screen.scale;
    let is_free = |window: &Rect| {
        let is_on = |other: Pos2| {
            let other = (other.to_vec2() * screen.scale).to_pos2();
            (other - window.min).abs().max_elem() < clear * screen.scale
        };
        !others.iter().filter_map(corner).any(is_on)
    };
    let down_and_up = (0..STEPS).flat_map(|step| [step, -step]);
    let places = down_and_up.map(|step| {
        let by = Vec2::splat(f32::from(step) * apart);
        fitting(window.translate(by), screen)
    });
    // If there is no room to move it, it becomes smaller.
    let smaller = (1..STEPS).map(|step| {
        let to = window.min + Vec2::splat(f32::from(step) * apart);
        Rect::from_min_max(to.min(window.max), window.max)
    });
    let mut all = places.chain(smaller);
    all.find(is_free).unwrap_or(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(x: f32, y: f32, width: f32, height: f32, scale: f32) -> Screen {
        Screen {
            area: Rect::from_min_size(pos2(x, y), vec2(width, height)),
            scale,
        }
    }

    fn place(x: f32, y: f32, width: f32, height: f32) -> WindowPlace {
        WindowPlace {
            x: Some(x),
            y: Some(y),
            width,
            height,
            is_maximized: false,
        }
    }

    const FRAME: Vec2 = vec2(2.0, 30.0);

    /// Where a window opens, all of it.
    fn opens(window: WindowPlace, others: &[WindowPlace], screens: &[Screen]) -> Rect {
        let (at, size, _) = opening(Some(window), others, FRAME, screens).unwrap();
        Rect::from_min_size(at.unwrap(), size)
    }

    #[test]
    fn a_window_that_has_room_opens_where_it_was() {
        let screens = [screen(0.0, 0.0, 1920.0, 1080.0, 1.0)];
        let at = opens(place(300.0, 200.0, 900.0, 600.0), &[], &screens);
        assert_eq!(
            at,
            Rect::from_min_size(pos2(300.0, 200.0), vec2(902.0, 630.0))
        );
    }

    #[test]
    fn a_window_opens_with_all_of_it_on_one_screen() {
        let laptop = screen(0.0, 0.0, 1920.0, 1080.0, 1.0);
        let small = screen(0.0, 0.0, 800.0, 600.0, 1.0);
        let phone = screen(0.0, 0.0, 360.0, 640.0, 1.0);
        let left = screen(-2560.0, -300.0, 2560.0, 1440.0, 1.0);
        let fine = screen(0.0, 0.0, 2880.0, 1800.0, 2.0);
        let odd = screen(0.0, 0.0, 1920.0, 1080.0, 1.5);
        let fine_phone = screen(0.0, 0.0, 720.0, 1280.0, 2.0);
        let beside = screen(1920.0, 0.0, 3840.0, 2160.0, 2.0);
        for screens in [
            &[laptop][..],
            &[small],
            &[phone],
            &[laptop, left],
            &[left, laptop],
            &[fine],
            &[odd],
            &[fine_phone],
            &[laptop, beside],
        ] {
            for window in [
                place(0.0, 0.0, 980.0, 680.0),
                place(1900.0, 1000.0, 980.0, 680.0),
                place(-700.0, -20.0, 980.0, 680.0),
                place(-2000.0, 100.0, 980.0, 680.0),
                place(5000.0, 5000.0, 980.0, 680.0),
                place(1500.0, 400.0, 980.0, 680.0),
                place(100.0, 700.0, 500.0, 400.0),
                place(-50.0, -50.0, 9000.0, 9000.0),
                place(10.0, 10.0, 1.0, 1.0),
            ] {
                let at = opens(window, &[], screens);
                let is_on_one = screens.iter().any(|screen| {
                    let border = Vec2::splat(BORDER * screen.scale);
                    screen.area.expand2(border).contains_rect(at)
                });
                assert!(is_on_one, "{window:?} opens at {at:?} on {screens:?}");
                assert!(at.width() > 300.0 && at.height() > 400.0, "{at:?}");
            }
        }
    }

    #[test]
    fn a_window_comes_back_to_the_screen_it_was_on_at_its_scale() {
        let laptop = screen(0.0, 0.0, 1920.0, 1080.0, 1.0);
        let beside = screen(1920.0, 0.0, 3840.0, 2160.0, 2.0);
        let above = screen(0.0, -1440.0, 2560.0, 1440.0, 1.0);
        // 1,100 points from the left at twice the pixels are on the second one.
        let at = opens(place(1100.0, 100.0, 800.0, 600.0), &[], &[laptop, beside]);
        assert_eq!(at.min, pos2(2200.0, 200.0));
        assert_eq!(at.size(), vec2(1600.0, 1200.0) + FRAME);
        let at = opens(place(50.0, -1000.0, 800.0, 600.0), &[], &[laptop, above]);
        assert_eq!(at.min, pos2(50.0, -1000.0));
    }

    #[test]
    fn a_window_whose_screen_is_gone_opens_in_the_middle_of_the_main_one() {
        let laptop = screen(0.0, 0.0, 1920.0, 1080.0, 1.0);
        let at = opens(place(5000.0, 5000.0, 998.0, 670.0), &[], &[laptop]);
        assert_eq!(at.center(), laptop.area.center());
        assert_eq!(at.size(), vec2(1000.0, 700.0));
    }

    #[test]
    fn a_first_window_is_no_larger_than_the_screen_and_the_system_says_where() {
        let phone = screen(0.0, 0.0, 360.0, 640.0, 1.0);
        let (at, size, _) = opening(None, &[], FRAME, &[phone]).unwrap();
        assert_eq!(at, None);
        assert!(size.x <= 360.0 && size.y <= 640.0, "{size:?}");
        assert_eq!(least(phone), vec2(320.0, 400.0));
        let fine = screen(0.0, 0.0, 360.0, 640.0, 2.0);
        assert_eq!(least(fine), vec2(324.0, 576.0));
        assert_eq!(opening(None, &[], FRAME, &[]), None);
    }

    #[test]
    fn windows_of_one_profile_do_not_open_on_each_other() {
        for screen in [
            screen(0.0, 0.0, 1920.0, 1080.0, 1.0),
            screen(0.0, 0.0, 2880.0, 1800.0, 2.0),
            screen(0.0, 0.0, 982.0, 710.0, 1.0),
            screen(0.0, 0.0, 800.0, 600.0, 1.0),
            screen(-1000.0, -800.0, 1000.0, 800.0, 1.0),
        ] {
            let corner = screen.area.min / screen.scale;
            let end = screen.area.max / screen.scale - vec2(982.0, 710.0);
            for first in [corner, corner + vec2(60.0, 60.0), end] {
                let mut open = Vec::<WindowPlace>::new();
                for _ in 0..6 {
                    let next = opens(place(first.x, first.y, 980.0, 680.0), &open, &[screen]);
                    let border = Vec2::splat(BORDER * screen.scale);
                    assert!(screen.area.expand2(border).contains_rect(next), "{next:?}");
                    let next = next / screen.scale;
                    for other in &open {
                        let apart = pos2(other.x.unwrap(), other.y.unwrap()) - next.min;
                        assert!(
                            apart.abs().max_elem() > 20.0,
                            "{open:?} {next:?} {screen:?}"
                        );
                    }
                    open.push(place(next.left(), next.top(), 980.0, 680.0));
                }
            }
        }
    }

    #[test]
    fn a_first_window_beside_another_one_stands_beside_it() {
        let screens = [screen(0.0, 0.0, 1920.0, 1080.0, 1.0)];
        let other = place(0.0, 0.0, 980.0, 680.0);
        let (at, _, _) = opening(None, &[other], FRAME, &screens).unwrap();
        assert!(at.unwrap().x >= 24.0, "{at:?}");
    }

    #[test]
    fn a_window_that_sticks_out_is_moved_and_one_that_does_not_stays() {
        let screens = [
            screen(0.0, 0.0, 1280.0, 800.0, 1.0),
            screen(1280.0, 0.0, 1280.0, 800.0, 1.0),
        ];
        let window = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), vec2(1000.0, 700.0));
        assert_eq!(moved(window(100.0, 50.0), &[], &screens), None);
        assert_eq!(moved(window(1280.0, 100.0), &[], &screens), None);
        let to = |x, y| moved(window(x, y), &[], &screens).map(|(to, _)| to.min);
        assert_eq!(to(100.0, 150.0), Some(pos2(100.0, 100.0)));
        assert_eq!(to(100.0, -30.0), Some(pos2(100.0, 0.0)));
        assert_eq!(to(1700.0, 50.0), Some(pos2(1560.0, 50.0)));
        assert_eq!(to(900.0, 50.0), Some(pos2(1280.0, 50.0)));
        let huge = Rect::from_min_size(pos2(0.0, 0.0), vec2(1400.0, 900.0));
        let (to, on) = moved(huge, &[], &screens).unwrap();
        assert!(on.area.contains_rect(to));
        assert_eq!(moved(to, &[], &screens), None, "once is enough");
        // The window system has put it on another one, and there is no room to move it.
        let full = Rect::from_min_size(pos2(0.0, 23.0), vec2(1280.0, 777.0));
        let other = place(0.0, 15.0, 1280.0, 750.0);
        let (to, _) = moved(full, &[other], &screens).unwrap();
        assert!(screens[0].area.contains_rect(to), "{to:?}");
        assert!((to.min - pos2(0.0, 15.0)).abs().max_elem() >= ON, "{to:?}");
    }
}
