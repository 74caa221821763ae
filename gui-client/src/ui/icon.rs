use egui::{
    Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, epaint::PathShape, vec2,
};

/// The signs on buttons and in bubbles, drawn by strokes: no font needs to have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Back,
    Forth,
    Plus,
    Close,
    Search,
    Settings,
    Send,
    Down,
    Refresh,
    Clock,
    Check,
    Checks,
    Warning,
    Bubbles,
    Pause,
    Play,
    Clear,
    Save,
    More,
    Pin,
    Muted,
    Smile,
    People,
    Reply,
    /// Encrypted and verified.
    Lock,
    /// Encrypted, not verified.
    LockOutline,
    /// Not encrypted.
    LockOpen,
    Device,
    Program,
    Server,
    Forward,
    Copy,
    /// A fault that is made on purpose.
    Bolt,
    /// A box in which something is put away.
    Archive,
}

impl Icon {
    /// Draws it into a square around `center`, `size` points wide.
    pub fn paint(self, painter: &Painter, center: Pos2, size: f32, color: Color32) {
        let at = |x: f32, y: f32| center + vec2(x, y) * (size / 24.0);
        let stroke = Stroke::new((size / 24.0 * 2.0).max(1.2), color);
        let line = |points: &[(f32, f32)]| {
            let points = points.iter().map(|&(x, y)| at(x, y)).collect();
            painter.add(PathShape::line(points, stroke));
        };
        let arc = |radius: f32, from: f32, to: f32| {
            let points = (0..=24)
                .map(|step| {
                    let angle = (from + (to - from) * step as f32 / 24.0).to_radians();
                    at(angle.cos() * radius, angle.sin() * radius)
                })
                .collect();
            painter.add(PathShape::line(points, stroke));
        };
        match self {
            Self::Back => {
                line(&[(-1.0, -7.0), (-8.0, 0.0), (-1.0, 7.0)]);
                line(&[(-8.0, 0.0), (8.0, 0.0)]);
            }
            Self::Forth => {
                line(&[(1.0, -7.0), (8.0, 0.0), (1.0, 7.0)]);
                line(&[(-8.0, 0.0), (8.0, 0.0)]);
            }
            Self::Reply => {
                line(&[(-2.5, -7.5), (-8.5, -1.5), (-2.5, 4.5)]);
                line(&[
                    (-8.5, -1.5),
                    (1.0, -1.5),
                    (5.0, -0.3),
                    (7.6, 3.0),
                    (8.5, 7.5),
                ]);
            }
            Self::Forward => {
                line(&[(2.5, -7.5), (8.5, -1.5), (2.5, 4.5)]);
                line(&[
                    (8.5, -1.5),
                    (-1.0, -1.5),
                    (-5.0, -0.3),
                    (-7.6, 3.0),
                    (-8.5, 7.5),
                ]);
            }
            Self::Copy => {
                let front = Rect::from_min_max(at(-3.5, -3.5), at(8.0, 8.5));
                let corner = size / 24.0 * 2.0;
                painter.rect_stroke(front, corner, stroke, StrokeKind::Middle);
                line(&[
                    (-7.0, 3.5),
                    (-8.0, 2.5),
                    (-8.0, -8.5),
                    (3.0, -8.5),
                    (4.0, -7.5),
                ]);
            }
            Self::More => {
                for y in [-6.5, 0.0, 6.5] {
                    painter.circle_filled(at(0.0, y), size / 24.0 * 1.8, color);
                }
            }
            Self::Pin => {
                line(&[(-4.5, -9.0), (4.5, -9.0)]);
                line(&[
                    (-3.0, -9.0),
                    (-3.0, -1.0),
                    (-6.5, 3.0),
                    (6.5, 3.0),
                    (3.0, -1.0),
                ]);
                line(&[(3.0, -1.0), (3.0, -9.0)]);
                line(&[(0.0, 3.0), (0.0, 10.0)]);
            }
            Self::Smile => {
                let radius = size / 24.0 * 9.5;
                painter.circle_stroke(center, radius, stroke);
                for x in [-3.5, 3.5] {
                    painter.circle_filled(at(x, -2.5), size / 24.0 * 1.4, color);
                }
                line(&[(-4.5, 2.5), (-2.5, 4.6), (0.0, 5.3), (2.5, 4.6), (4.5, 2.5)]);
            }
            Self::Muted => {
                line(&[(-6.0, 6.0), (-6.0, -2.0), (-4.0, -6.0), (0.0, -8.0)]);
                line(&[(0.0, -8.0), (4.0, -6.0), (6.0, -2.0), (6.0, 6.0)]);
                line(&[(-8.0, 6.0), (8.0, 6.0)]);
                line(&[(-9.0, -9.0), (9.0, 10.0)]);
            }
            Self::Pause => {
                line(&[(-4.0, -7.0), (-4.0, 7.0)]);
                line(&[(4.0, -7.0), (4.0, 7.0)]);
            }
            Self::Play => line(&[(-5.0, -7.5), (7.0, 0.0), (-5.0, 7.5), (-5.0, -7.5)]),
            Self::Clear => {
                line(&[(-8.0, -5.5), (8.0, -5.5)]);
                line(&[(-3.0, -5.5), (-3.0, -8.5), (3.0, -8.5), (3.0, -5.5)]);
                line(&[(-6.0, -5.5), (-5.0, 8.5), (5.0, 8.5), (6.0, -5.5)]);
                for x in [-1.8, 1.8] {
                    line(&[(x, -1.5), (x, 4.5)]);
                }
            }
            Self::People => {
                painter.circle_stroke(at(-3.0, -4.0), size / 24.0 * 3.6, stroke);
                line(&[
                    (-9.5, 8.0),
                    (-8.8, 4.6),
                    (-6.4, 2.8),
                    (0.4, 2.8),
                    (2.8, 4.6),
                    (3.5, 8.0),
                ]);
                line(&[
                    (3.2, -7.4),
                    (5.4, -6.4),
                    (6.4, -4.0),
                    (5.4, -1.6),
                    (3.2, -0.6),
                ]);
                line(&[(5.6, 2.9), (7.8, 4.0), (9.0, 5.8), (9.5, 8.0)]);
            }
            Self::Lock | Self::LockOutline | Self::LockOpen => {
                let body = Rect::from_min_max(at(-7.0, -1.0), at(7.0, 9.0));
                let corner = size / 24.0 * 2.0;
                match self {
                    Self::Lock => painter.rect_filled(body, corner, color),
                    _ => painter.rect_stroke(body, corner, stroke, StrokeKind::Middle),
                };
                // An open one hangs beside it.
                let x = if self == Self::LockOpen { 6.0 } else { 0.0 };
                line(&[
                    (x - 4.5, -1.0),
                    (x - 4.5, -5.0),
                    (x - 3.2, -7.9),
                    (x, -9.2),
                    (x + 3.2, -7.9),
                    (x + 4.5, -5.0),
                    (x + 4.5, if x > 0.0 { -3.5 } else { -1.0 }),
                ]);
            }
            Self::Device => {
                let screen = Rect::from_min_max(at(-9.0, -8.0), at(9.0, 4.0));
                painter.rect_stroke(screen, size / 24.0 * 2.0, stroke, StrokeKind::Middle);
                line(&[(-4.0, 8.5), (4.0, 8.5)]);
                line(&[(0.0, 4.0), (0.0, 8.5)]);
            }
            Self::Program => {
                line(&[(-3.5, -6.0), (-9.0, 0.0), (-3.5, 6.0)]);
                line(&[(3.5, -6.0), (9.0, 0.0), (3.5, 6.0)]);
            }
            Self::Save => {
                line(&[(0.0, -9.0), (0.0, 3.0)]);
                line(&[(-5.0, -2.0), (0.0, 3.0), (5.0, -2.0)]);
                line(&[(-8.0, 4.0), (-8.0, 8.0), (8.0, 8.0), (8.0, 4.0)]);
            }
            Self::Plus => {
                line(&[(0.0, -7.0), (0.0, 7.0)]);
                line(&[(-7.0, 0.0), (7.0, 0.0)]);
            }
            Self::Close => {
                line(&[(-6.0, -6.0), (6.0, 6.0)]);
                line(&[(-6.0, 6.0), (6.0, -6.0)]);
            }
            Self::Search => {
                painter.circle_stroke(at(-1.5, -1.5), size / 24.0 * 6.0, stroke);
                line(&[(3.0, 3.0), (8.0, 8.0)]);
            }
            Self::Settings => {
                for (y, knob) in [(-6.0, 3.0), (0.0, -3.0), (6.0, 2.0)] {
                    line(&[(-8.0, y), (knob - 2.2, y)]);
                    line(&[(knob + 2.2, y), (8.0, y)]);
                    painter.circle_stroke(at(knob, y), size / 24.0 * 2.2, stroke);
                }
            }
            Self::Send => {
                let outline = [(-7.5, -8.0), (9.5, 0.0), (-7.5, 8.0), (-5.0, 0.0)];
                let points: Vec<Pos2> = outline.iter().map(|&(x, y)| at(x, y)).collect();
                // Two triangles: the outline is not convex.
                for triangle in [[0, 1, 3], [3, 1, 2]] {
                    painter.add(Shape::convex_polygon(
                        triangle.map(|corner| points[corner]).to_vec(),
                        color,
                        Stroke::NONE,
                    ));
                }
            }
            Self::Down => {
                line(&[(-6.0, -2.0), (0.0, 4.0), (6.0, -2.0)]);
            }
            Self::Refresh => {
                arc(7.5, 20.0, 335.0);
                line(&[(8.2, -8.4), (8.2, -3.2), (3.0, -3.2)]);
            }
            Self::Clock => {
                painter.circle_stroke(center, size / 24.0 * 8.5, stroke);
                line(&[(0.0, -4.5), (0.0, 0.5), (3.5, 2.5)]);
            }
            Self::Server => {
                for y in [-4.5, 4.5] {
                    let body = Rect::from_center_size(at(0.0, y), vec2(17.0, 7.0) * (size / 24.0));
                    let corner = size / 24.0 * 2.0;
                    painter.rect_stroke(body, corner, stroke, StrokeKind::Middle);
                    painter.circle_filled(at(-5.0, y), stroke.width * 0.6, color);
                }
            }
            Self::Bolt => line(&[
                (2.5, -9.0),
                (-5.5, 1.5),
                (0.5, 1.5),
                (-2.5, 9.0),
                (5.5, -1.5),
                (-0.5, -1.5),
                (2.5, -9.0),
            ]),
            Self::Archive => {
                line(&[
                    (-9.0, -8.0),
                    (9.0, -8.0),
                    (9.0, -3.0),
                    (-9.0, -3.0),
                    (-9.0, -8.0),
                ]);
                line(&[(-7.5, -3.0), (-7.5, 8.0), (7.5, 8.0), (7.5, -3.0)]);
                line(&[(-3.0, 1.0), (3.0, 1.0)]);
            }
            Self::Check => line(&[(-7.0, 0.5), (-2.0, 5.5), (7.5, -5.0)]),
            Self::Checks => {
                line(&[(-11.5, 0.5), (-6.5, 5.5), (3.0, -5.0)]);
                line(&[(-0.5, 5.0), (0.0, 5.5), (10.5, -5.0)]);
            }
            Self::Warning => {
                line(&[
                    (0.0, -8.5),
                    (9.0, 7.5),
                    (-9.0, 7.5),
                    (0.0, -8.5),
                    (0.3, -8.0),
                ]);
                line(&[(0.0, -2.5), (0.0, 2.0)]);
                painter.circle_filled(at(0.0, 4.8), stroke.width * 0.6, color);
            }
            Self::Bubbles => {
                let body = |x: f32, y: f32, w: f32, h: f32| {
                    Rect::from_min_size(at(x, y), Vec2::new(w, h) * (size / 24.0))
                };
                let corner = size / 24.0 * 4.0;
                painter.rect_filled(body(-10.0, -9.0, 14.0, 10.0), corner, color);
                painter.rect_filled(
                    body(-4.0, -2.5, 14.0, 10.5),
                    corner,
                    color.gamma_multiply(0.55),
                );
            }
        }
    }
}
