//! Images: what is shown of them before they are there, and what must not be seen of them.
//!
//! An image comes from a stranger, so it is measured before it is decoded, decoded in bounded
//! memory on a thread that may panic, and few at once.

mod decode;
mod render;
mod strip;

use std::sync::Arc;
use std::time::Duration;

use domain::library::{THUMBNAIL_EDGES, THUMBNAILS_MAX, is_image};
use image::ImageFormat;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(crate) use render::Rendered;

const SMALL: u32 = THUMBNAIL_EDGES[0];
const LARGE: u32 = THUMBNAIL_EDGES[1];

/// Bytes of a thumbnail. Both together stay within what the library sets aside for them; only
/// images of noise come near, and are made smaller.
const SMALL_BYTES_MAX: usize = 192 << 10;
const LARGE_BYTES_MAX: usize = 768 << 10;
const _: () = assert!((SMALL_BYTES_MAX + LARGE_BYTES_MAX) as u64 <= THUMBNAILS_MAX);

/// Decoded at once in a process. Each may take 128 MiB, and its thumbnails beside it.
const AT_ONCE: usize = 2;

/// The largest allowed image of the slowest format takes some 3 s on one old core.
const DEADLINE: Duration = Duration::from_mins(1);

/// An image that is fit to be shown.
pub(crate) struct Prepared {
    /// The image as it was sent, pixel for pixel, without metadata but its orientation.
    pub(crate) original: Vec<u8>,
    /// In pixels, upright.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) blur_hash: String,
    /// With the edge of the square that each fits into, ascending. Upright.
    pub(crate) thumbnails: [(u32, Rendered); 2],
}

/// Why an image is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Not an image, or a broken one.
    Unreadable,
    /// More pixels than 12,000 x 12,000, than 40 million, or than fit into memory.
    TooLarge,
    /// It took too long to decode.
    TooSlow,
}

/// Prepares images, few at once.
#[derive(Clone)]
pub(crate) struct Images {
    permits: Arc<Semaphore>,
}

impl Images {
    pub(crate) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Decodes `bytes` and makes of them what people see.
    pub(crate) async fn prepare(
        &self,
        bytes: Vec<u8>,
        format: ImageFormat,
    ) -> Result<Prepared, Unfit> {
        let permits = Arc::clone(&self.permits);
        let Ok(permit) = permits.acquire_owned().await else {
            return Err(Unfit::TooSlow); // never: nobody closes it
        };
        let work = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&bytes, format);
            drop(permit); // not before: what has passed its deadline still takes its memory
            prepared
        });
        match timeout(DEADLINE, work).await {
            Ok(Ok(prepared)) => prepared,
            // Decoders panic on what nobody thought of; tokio has caught it.
            Ok(Err(_)) => Err(Unfit::Unreadable),
            Err(_) => Err(Unfit::TooSlow),
        }
    }
}

fn prepare(bytes: &[u8], format: ImageFormat) -> Result<Prepared, Unfit> {
    let decoded = decode::decode(bytes, format)?;
    let original = strip::strip(bytes, format, decoded.orientation).ok_or(Unfit::Unreadable)?;
    let (width, height) = decoded.upright_size();
    let large = decoded.scaled(LARGE);
    let icc = decoded.into_icc(); // the pixels go: they are most of the memory
    let small = render::scale(&large, SMALL);
    let blur_hash = render::blur_hash(&small)?;
    let small = render::encode(small, icc.as_deref(), SMALL_BYTES_MAX)?;
    let large = render::encode(large, icc.as_deref(), LARGE_BYTES_MAX)?;
    Ok(Prepared {
        original,
        width,
        height,
        blur_hash,
        thumbnails: [(SMALL, small), (LARGE, large)],
    })
}

/// The format of a content type that is shown as an image.
pub(crate) fn format_of(content_type: &str) -> Option<ImageFormat> {
    is_image(content_type).then(|| ImageFormat::from_mime_type(content_type)).flatten()
}

#[cfg(test)]
mod tests;
