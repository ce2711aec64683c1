//! From bytes to pixels, within limits.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{Unfit, render};

/// Pixels of an edge, and in all (OWASP ASVS 5.2.6 asks for limits; 40 million are what the largest
/// sensors of phones give after binning).
const EDGE_MAX: u32 = 12_000;
const PIXELS_MAX: u64 = 40_000_000;

/// Bytes that decoding one image may take.
pub(super) const ALLOC_MAX: u64 = 128 << 20;

/// A colour profile that is larger than this is left out of thumbnails. Those of phones and
/// cameras have some 600 bytes.
const ICC_MAX: usize = 16 << 10;

/// An image as it lies in its file.
pub(super) struct Decoded {
    pixels: DynamicImage,
    /// How it is to be turned to stand upright.
    pub(super) orientation: Orientation,
    icc: Option<Vec<u8>>,
}

/// Decodes `bytes`: the first frame of an animation. Nothing is decoded that is too large.
pub(super) fn decode(bytes: &[u8], format: ImageFormat) -> Result<Decoded, Unfit> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(EDGE_MAX);
    limits.max_image_height = Some(EDGE_MAX);
    limits.max_alloc = Some(ALLOC_MAX);

    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(unfit)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Unfit::TooLarge);
    }
    limits.reserve(decoder.total_bytes()).map_err(unfit)?;
    decoder.set_limits(limits).map_err(unfit)?;
    // What is odd about the metadata is no reason to refuse the image.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let icc = decoder.icc_profile().ok().flatten().filter(|it| is_of_rgb(it));
    let pixels = DynamicImage::from_decoder(decoder).map_err(unfit)?;
    Ok(Decoded { pixels, orientation, icc })
}

/// A profile of print colours must not stay with pixels that were converted to RGB.
fn is_of_rgb(icc: &[u8]) -> bool {
    icc.len() <= ICC_MAX && icc.get(16..20) == Some(b"RGB ".as_slice())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
fn unfit(error: ImageError) -> Unfit {
    match error {
        ImageError::Limits(_) => Unfit::TooLarge,
        ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::Unsupported(_)
        | ImageError::IoError(_) => Unfit::Unreadable,
    }
}

impl Decoded {
    /// Width and height once it stands upright, in pixels.
    pub(super) fn upright_size(&self) -> (u32, u32) {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => (width, height),
        }
    }

    /// What its red, green and blue mean, when it says so.
    pub(super) fn into_icc(self) -> Option<Vec<u8>> {
        self.icc
    }

    /// Upright, in a square of `edge` pixels. Scaled first: turning a few pixels costs nothing.
    pub(super) fn scaled(&self, edge: u32) -> DynamicImage {
        let mut scaled = render::scale(&self.pixels, edge);
        scaled.apply_orientation(self.orientation);
        scaled
    }
}
