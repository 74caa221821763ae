use egui::{
    Mesh, Rect,
    epaint::{Vertex, WHITE_UV},
};
use image::RgbaImage;

use crate::texture::{Texture, channels};

/// The picture that is being drawn.
pub struct Canvas {
    width: usize,
    height: usize,
    /// Premultiplied by the opacity, which stays 1.
    pixels: Vec<[f32; 4]>,
}

/// A corner in pixels, with the values that are interpolated over the triangle.
#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    /// The colour, then the point in the texture.
    values: [f32; 6],
}

impl Canvas {
    /// A black picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0.0, 0.0, 0.0, 1.0]; width * height],
        }
    }

    /// Draws the triangles of a mesh, clipped to a rectangle in points.
    pub fn draw(&mut self, mesh: &Mesh, clip: Rect, scale: f32, texture: &Texture) {
        let edge =
            |points: f32, most: usize| ((points * scale).round().max(0.0) as usize).min(most);
        let columns = edge(clip.left(), self.width)..edge(clip.right(), self.width);
        let rows = edge(clip.top(), self.height)..edge(clip.bottom(), self.height);
        for corners in mesh.indices.as_chunks::<3>().0 {
            let corners = corners.map(|index| corner(&mesh.vertices[index as usize], scale));
            self.fill(corners, &columns, &rows, texture);
        }
    }

    /// Fills the pixels whose centre is in a triangle. Pixels on an edge that two triangles share
    /// belong to one of them.
    fn fill(
        &mut self,
        [a, b, c]: [Corner; 3],
        columns: &std::ops::Range<usize>,
        rows: &std::ops::Range<usize>,
        texture: &Texture,
    ) {
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area == 0.0 || !area.is_finite() {
            return;
        }
        let is_plain = [a, b, c]
            .iter()
            .all(|one| one.values[4..] == [WHITE_UV.x, WHITE_UV.y]);
        let [top, bottom] = span([a.y, b.y, c.y], rows);
        for y in top..bottom {
            let middle = y as f32 + 0.5;
            let Some([left, right]) = crossing([a, b, c], middle) else {
                continue;
            };
            let [left, right] = span([left, right, left], columns);
            for x in left..right {
                let at = x as f32 + 0.5;
                let weight = |p: Corner, q: Corner| {
                    ((p.x - at) * (q.y - middle) - (p.y - middle) * (q.x - at)) / area
                };
                let (of_a, of_b) = (weight(b, c), weight(c, a));
                let of_c = 1.0 - of_a - of_b;
                let value = |i: usize| of_a * a.values[i] + of_b * b.values[i] + of_c * c.values[i];
                let mut ink: [f32; 4] = std::array::from_fn(value);
                if !is_plain {
                    let texel = texture.at(value(4), value(5));
                    for (channel, texel) in ink.iter_mut().zip(texel) {
                        *channel *= texel;
                    }
                }
                let pixel = &mut self.pixels[y * self.width + x];
                for (i, channel) in pixel.iter_mut().enumerate() {
                    *channel = ink[i] + *channel * (1.0 - ink[3]);
                }
            }
        }
    }

    /// The finished picture.
    pub fn picture(self) -> RgbaImage {
        let byte = |channel: f32| (channel.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        let (width, height) = (self.width as u32, self.height as u32);
        RgbaImage::from_fn(width, height, |x, y| {
            let pixel = self.pixels[y as usize * self.width + x as usize];
            image::Rgba([byte(pixel[0]), byte(pixel[1]), byte(pixel[2]), 255])
        })
    }
}

fn corner(vertex: &Vertex, scale: f32) -> Corner {
    let [red, green, blue, opacity] = channels(&vertex.color);
    Corner {
        x: vertex.pos.x * scale,
        y: vertex.pos.y * scale,
        values: [red, green, blue, opacity, vertex.uv.x, vertex.uv.y],
    }
}

/// The pixels whose centres are between the smallest and the largest of these.
fn span(ends: [f32; 3], within: &std::ops::Range<usize>) -> [usize; 2] {
    let least = ends.iter().copied().fold(f32::INFINITY, f32::min);
    let most = ends.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let first = |end: f32| (end - 0.5).ceil().max(0.0) as usize;
    [
        first(least).clamp(within.start, within.end),
        first(most).clamp(within.start, within.end),
    ]
}

/// Where a row crosses the sides of a triangle.
fn crossing(corners: [Corner; 3], y: f32) -> Option<[f32; 2]> {
    let mut found: Option<[f32; 2]> = None;
    for i in 0..3 {
        // Always from above, so that two triangles with a common side agree on it to the bit.
        let (mut p, mut q) = (corners[i], corners[(i + 1) % 3]);
        if (q.y, q.x) < (p.y, p.x) {
            std::mem::swap(&mut p, &mut q);
        }
        if p.y <= y && y < q.y {
            let x = p.x + (q.x - p.x) * ((y - p.y) / (q.y - p.y));
            found = Some(found.map_or([x, x], |[least, most]| [least.min(x), most.max(x)]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use egui::{Color32, ColorImage, Pos2, pos2};

    use super::*;

    fn drawn(triangles: &[[Pos2; 3]], color: Color32) -> RgbaImage {
        let mut mesh = Mesh::default();
        for corners in triangles {
            let first = mesh.vertices.len() as u32;
            for pos in corners {
                mesh.colored_vertex(*pos, color);
            }
            mesh.add_triangle(first, first + 1, first + 2);
        }
        let white = ColorImage::filled([1, 1], Color32::WHITE);
        let texture = Texture::new(&white.into());
        let mut canvas = Canvas::new(20, 10);
        let clip = Rect::from_min_max(pos2(1.0, 0.0), pos2(100.0, 100.0));
        canvas.draw(&mesh, clip, 1.0, &texture);
        canvas.picture()
    }

    #[test]
    fn two_triangles_of_a_rectangle_fill_every_pixel_once() {
        let (a, b) = (pos2(0.0, 0.0), pos2(20.0, 0.0));
        let (c, d) = (pos2(20.0, 10.0), pos2(0.0, 10.0));
        let half = Color32::from_rgba_premultiplied(100, 50, 0, 128);
        let picture = drawn(&[[a, b, c], [a, c, d]], half);
        for (x, _, pixel) in picture.enumerate_pixels() {
            let expected = if x == 0 { [0, 0, 0] } else { [100, 50, 0] };
            assert_eq!(pixel.0[..3], expected, "{x}");
        }
    }

    #[test]
    fn what_is_outside_a_triangle_stays() {
        let picture = drawn(
            &[[pos2(5.0, 0.0), pos2(15.0, 0.0), pos2(5.0, 10.0)]],
            Color32::WHITE,
        );
        for (x, y, white) in [(6, 1, true), (4, 1, false), (13, 8, false), (12, 1, true)] {
            assert_eq!(picture.get_pixel(x, y).0[0] == 255, white, "{x} {y}");
        }
    }
}
