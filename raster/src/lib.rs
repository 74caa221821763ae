//! Draws on the CPU what egui would have a graphics card draw, for pictures that are the same on
//! every machine: no driver, no display.

mod texture;
mod triangle;

use std::collections::HashMap;

use egui::{Context, FullOutput, TextureId, TexturesDelta, epaint::Primitive};
use egui_kittest::TestRenderer;
use image::RgbaImage;

use self::{texture::Texture, triangle::Canvas};

/// The textures received so far.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, Texture>,
}

impl TestRenderer for Raster {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        let set = std::mem::take(&mut delta.set);
        let images = set
            .into_iter()
            .flat_map(|(id, images)| images.into_iter().map(move |image| (id, image)));
        for (id, image) in images {
            match image.pos {
                None => {
                    self.textures.insert(id, Texture::new(&image.image));
                }
                Some(at) => {
                    if let Some(texture) = self.textures.get_mut(&id) {
                        texture.change(at, &image.image);
                    }
                }
            }
        }
        for id in std::mem::take(&mut delta.free) {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = output.pixels_per_point;
        let size = ctx.content_rect().size() * scale;
        let mut canvas = Canvas::new(size.x.round() as usize, size.y.round() as usize);
        for part in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = &part.primitive else {
                return Err("only triangles can be drawn here".into());
            };
            let texture = self.textures.get(&mesh.texture_id);
            let texture = texture.ok_or("a texture is missing")?;
            canvas.draw(mesh, part.clip_rect, scale, texture);
        }
        Ok(canvas.picture())
    }
}
