use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

/// A place in Paris, as the GPS directory of EXIF would say it.
const LOCATION: &[u8] = b"N48.8584E2.2945";

/// Left half red, right half blue.
fn picture(width: u32, height: u32) -> DynamicImage {
    let colour = |x, _| if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, colour))
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with an EXIF block of this orientation that also names a location.
fn jpeg_with_exif(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    exif[19] = orientation;
    exif.extend_from_slice(LOCATION);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.encode_image(&image.to_rgb8()).unwrap();
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

fn pixels(bytes: &[u8], format: ImageFormat) -> Vec<u8> {
    image::load_from_memory_with_format(bytes, format).unwrap().into_rgba8().into_raw()
}

#[test]
fn a_photograph_loses_its_location_and_keeps_its_pixels() {
    let mut photo = jpeg_with_exif(&picture(40, 20), 1);
    photo.extend_from_slice(b"\xFF\xD8 a film of the moment before, at N48.8584E2.2945");
    assert!(contains(&photo, LOCATION));

    let prepared = prepare(&photo, ImageFormat::Jpeg).unwrap();

    assert!(!contains(&prepared.original, LOCATION));
    assert!(!contains(&prepared.original, b"Exif"));
    let same = pixels(&prepared.original, ImageFormat::Jpeg) == pixels(&photo, ImageFormat::Jpeg);
    assert!(same, "not a pixel has changed");
    for (_, thumbnail) in &prepared.thumbnails {
        assert!(!contains(&thumbnail.bytes, LOCATION));
    }
}

#[test]
fn a_photograph_stands_upright() {
    // Turned by 90 degrees: what is left in the file is up.
    let photo = jpeg_with_exif(&picture(400, 200), 6);

    let prepared = prepare(&photo, ImageFormat::Jpeg).unwrap();

    assert_eq!((prepared.width, prepared.height), (200, 400));
    let [(edge, small), _] = &prepared.thumbnails;
    assert_eq!((*edge, small.width, small.height), (256, 128, 256));
    let small = image::load_from_memory(&small.bytes).unwrap().into_rgb8();
    let (top, bottom) = (small.get_pixel(64, 20), small.get_pixel(64, 236));
    assert!(top.0[0] > 150 && top.0[2] < 100, "red is up: {top:?}");
    assert!(bottom.0[2] > 150 && bottom.0[0] < 100, "blue is down: {bottom:?}");
    // The original says so itself, and nothing else.
    let again = prepare(&prepared.original, ImageFormat::Jpeg).unwrap();
    assert_eq!((again.width, again.height), (200, 400));
    assert_eq!(again.original, prepared.original);
}

#[test]
fn nothing_is_enlarged() {
    let prepared = prepare(&written(&picture(30, 10), ImageFormat::Png), ImageFormat::Png).unwrap();

    assert_eq!(prepared.thumbnails.each_ref().map(|(edge, _)| *edge), [256, 1_024]);
    for (_, thumbnail) in &prepared.thumbnails {
        assert_eq!((thumbnail.width, thumbnail.height), (30, 10));
    }
    assert_eq!(prepared.blur_hash.len(), 28);
}

#[test]
fn a_png_loses_its_texts() {
    let png = written(&picture(40, 20), ImageFormat::Png);
    let (head, rest) = png.split_at(33); // signature and IHDR
    let text = b"\0\0\0\x14tEXtGPS\0N48.8584E2.2945.\0\0\0\0";
    let told = [head, text, rest, b"trailer N48.8584E2.2945"].concat();

    let prepared = prepare(&told, ImageFormat::Png).unwrap();

    assert!(!contains(&prepared.original, LOCATION));
    assert_eq!(pixels(&prepared.original, ImageFormat::Png), pixels(&png, ImageFormat::Png));
}

#[test]
fn a_webp_loses_its_metadata() {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder
        .set_exif_metadata([b"MM\0\x2A\0\0\0\x08\0\0\0\0\0\0".as_slice(), LOCATION].concat())
        .unwrap();
    let image = picture(40, 20).into_rgba8();
    encoder.write_image(&image, 40, 20, image::ExtendedColorType::Rgba8).unwrap();
    assert!(contains(&bytes, LOCATION));

    let prepared = prepare(&bytes, ImageFormat::WebP).unwrap();

    assert!(!contains(&prepared.original, LOCATION));
    assert_eq!(pixels(&prepared.original, ImageFormat::WebP), image.into_raw());
}

#[test]
fn of_an_animation_the_first_frame_is_shown_and_all_are_kept() {
    use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
    use image::{AnimationDecoder, Frame};

    let mut gif = Vec::new();
    {
        let mut encoder = GifEncoder::new(&mut gif);
        encoder.set_repeat(Repeat::Infinite).unwrap();
        for colour in [[200, 0, 0, 255], [0, 200, 0, 255]] {
            let image = RgbaImage::from_pixel(20, 10, Rgba(colour));
            encoder.encode_frame(Frame::new(image)).unwrap();
        }
    }
    let trailer = gif.pop().unwrap();
    gif.extend_from_slice(b"\x21\xFE\x0FN48.8584E2.2945\0");
    gif.push(trailer);
    assert!(contains(&gif, LOCATION));

    let prepared = prepare(&gif, ImageFormat::Gif).unwrap();

    assert!(!contains(&prepared.original, LOCATION));
    let decoder = GifDecoder::new(Cursor::new(&prepared.original)).unwrap();
    assert_eq!(decoder.into_frames().collect_frames().unwrap().len(), 2);
    assert!(contains(&prepared.original, b"NETSCAPE2.0"), "it still repeats");
    let [(_, small), _] = &prepared.thumbnails;
    let first = image::load_from_memory(&small.bytes).unwrap().into_rgb8();
    assert!(first.get_pixel(5, 5).0[0] > 150, "the first frame is red");
}

#[test]
fn what_can_be_seen_through_stays_so() {
    let image = RgbaImage::from_pixel(600, 600, Rgba([10, 200, 10, 128]));
    let png = written(&DynamicImage::ImageRgba8(image), ImageFormat::Png);

    let prepared = prepare(&png, ImageFormat::Png).unwrap();

    for (_, thumbnail) in &prepared.thumbnails {
        assert_eq!(thumbnail.content_type, "image/webp");
        let pixel =
            *image::load_from_memory(&thumbnail.bytes).unwrap().into_rgba8().get_pixel(9, 9);
        assert_eq!(pixel.0[3], 128);
    }
}

#[test]
fn thumbnails_of_noise_stay_within_their_bounds() {
    let mut state = 1_u32;
    let image = RgbaImage::from_fn(1_200, 1_200, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgba(state.to_be_bytes())
    });
    let png = written(&DynamicImage::ImageRgba8(image), ImageFormat::Png);

    let prepared = prepare(&png, ImageFormat::Png).unwrap();

    let bytes: usize = prepared.thumbnails.iter().map(|(_, it)| it.bytes.len()).sum();
    assert!(bytes as u64 <= THUMBNAILS_MAX, "{bytes}");
}

/// 60,000 × 60,000 pixels of one colour: 11 GB, in some hundred bytes.
fn bomb() -> Vec<u8> {
    let mut png = written(&picture(2, 2), ImageFormat::Png);
    png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let check = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&check);
    png
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    assert_eq!(prepare(&bomb(), ImageFormat::Png).err(), Some(Unfit::TooLarge));

    // Within the edges, above the number of pixels: 8,000 × 6,000, all black, in 240 KB.
    let black = DynamicImage::ImageLuma8(image::GrayImage::new(8_000, 6_000));
    let png = written(&black, ImageFormat::Png);
    assert!(png.len() < 500_000, "{}", png.len());
    assert_eq!(prepare(&png, ImageFormat::Png).err(), Some(Unfit::TooLarge));
}

#[test]
fn what_is_no_image_is_unreadable() {
    let jpeg = written(&picture(64, 64), ImageFormat::Jpeg);
    for (bytes, format) in [
        (b"<html>".as_slice(), ImageFormat::Jpeg),
        (b"".as_slice(), ImageFormat::Png),
        (&jpeg[..100], ImageFormat::Jpeg),
        (&jpeg, ImageFormat::Png),
    ] {
        assert_eq!(prepare(bytes, format).err(), Some(Unfit::Unreadable), "{format:?}");
    }
}

#[tokio::test]
async fn preparing_happens_elsewhere_and_says_the_same() {
    let images = Images::new();
    let jpeg = written(&picture(64, 32), ImageFormat::Jpeg);
    let prepared = images.prepare(jpeg, ImageFormat::Jpeg).await.unwrap();
    assert_eq!((prepared.width, prepared.height), (64, 32));
    let refused = images.prepare(bomb(), ImageFormat::Png).await.err();
    assert_eq!(refused, Some(Unfit::TooLarge));
}
