//! Thumbnails and the blur hash.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageResult};

use super::Unfit;

/// Of 100: artefacts cannot be seen at the size of a thumbnail.
const JPEG_QUALITY: u8 = 80;

/// How fine the blur hash is, across and down: 28 characters.
const BLUR_X: u32 = 4;
const BLUR_Y: u32 = 3;

/// The longest edge that the blur hash is computed from, in pixels. It shows no more anyway.
const BLUR_EDGE: u32 = 32;

/// An image as it is sent to people.
pub(crate) struct Rendered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) content_type: &'static str,
    /// In pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Fits `image` into a square of `edge` pixels; never makes it larger.
pub(super) fn scale(image: &DynamicImage, edge: u32) -> DynamicImage {
    if image.width() <= edge && image.height() <= edge {
        return image.clone();
    }
    image.thumbnail(edge, edge)
}

/// JPEG; where one can see through it, WebP without loss. Made smaller until it has `max` bytes.
pub(super) fn encode(
    mut image: DynamicImage,
    icc: Option<&[u8]>,
    max: usize,
) -> Result<Rendered, Unfit> {
    loop {
        let encoded = if is_opaque(&image) { jpeg(&image, icc) } else { webp(&image, icc) };
        let (bytes, content_type) = encoded.map_err(|_| Unfit::Unreadable)?;
        let (width, height) = (image.width(), image.height());
        if bytes.len() <= max {
            return Ok(Rendered { bytes, content_type, width, height });
        }
        let edge = width.max(height) * 3 / 4;
        if edge < BLUR_EDGE {
            return Err(Unfit::Unreadable); // never: so few pixels take no more than 4 KiB
        }
        image = scale(&image, edge);
    }
}

type Encoded = ImageResult<(Vec<u8>, &'static str)>;

fn jpeg(image: &DynamicImage, icc: Option<&[u8]>) -> Encoded {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc.to_vec()).ok(); // without it the colours are a little off
    }
    encoder.encode_image(&image.to_rgb8())?;
    Ok((bytes, "image/jpeg"))
}

fn webp(image: &DynamicImage, icc: Option<&[u8]>) -> Encoded {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    if let Some(icc) = icc {
        encoder.set_icc_profile(icc.to_vec()).ok();
    }
    let pixels = image.to_rgba8();
    let (width, height) = pixels.dimensions();
    encoder.write_image(&pixels, width, height, image::ExtendedColorType::Rgba8)?;
    Ok((bytes.into_inner(), "image/webp"))
}

fn is_opaque(image: &DynamicImage) -> bool {
    !image.color().has_alpha() || image.to_rgba8().pixels().all(|it| it.0[3] == u8::MAX)
}

/// A few characters that an app draws as a blur until the image is there (<https://blurha.sh>).
pub(super) fn blur_hash(image: &DynamicImage) -> Result<String, Unfit> {
    let pixels = scale(image, BLUR_EDGE).to_rgba8();
    let (width, height) = pixels.dimensions();
    blurhash::encode(BLUR_X, BLUR_Y, width, height, &pixels).map_err(|_| Unfit::Unreadable)
}
