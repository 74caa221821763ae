use egui::{Color32, ImageData};

/// An image that triangles are filled with.
pub struct Texture {
    size: [usize; 2],
    pixels: Vec<[f32; 4]>,
}

impl Texture {
    /// A new texture.
    pub fn new(image: &ImageData) -> Self {
        let ImageData::Color(image) = image;
        Self {
            size: image.size,
            pixels: image.pixels.iter().map(channels).collect(),
        }
    }

    /// Copies a smaller image into this one.
    pub fn change(&mut self, [left, top]: [usize; 2], image: &ImageData) {
        let ImageData::Color(image) = image;
        let width = image.size[0];
        for (row, pixels) in image.pixels.chunks_exact(width).enumerate() {
            let at = (top + row) * self.size[0] + left;
            for (pixel, color) in self.pixels[at..at + width].iter_mut().zip(pixels) {
                *pixel = channels(color);
            }
        }
    }

    /// The colour at a point, 0 to 1 in each direction, interpolated from the four pixels around
    /// it.
    pub fn at(&self, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = self.size;
        let x = (u * width as f32 - 0.5).clamp(0.0, (width - 1) as f32);
        let y = (v * height as f32 - 0.5).clamp(0.0, (height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let (part_x, part_y) = (x - left as f32, y - top as f32);
        let pixel = |x: usize, y: usize| &self.pixels[y * width + x];
        let (a, b) = (pixel(left, top), pixel(right, top));
        let (c, d) = (pixel(left, bottom), pixel(right, bottom));
        std::array::from_fn(|i| {
            let upper = a[i] + (b[i] - a[i]) * part_x;
            let lower = c[i] + (d[i] - c[i]) * part_x;
            upper + (lower - upper) * part_y
        })
    }
}

/// Red, green, blue and opacity from 0 to 1, multiplied by the opacity.
pub fn channels(color: &Color32) -> [f32; 4] {
    color.to_array().map(|channel| f32::from(channel) / 255.0)
}
