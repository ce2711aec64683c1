//! Files, from the request to the last byte: the storage is the one inside the process.

mod avatar;
mod fetching;
mod uploading;

use std::io::Cursor;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use domain::library::Sha256;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Answer, Ask, Person, World};

const LETTER: &[u8] = "Dear Ben,\nthe sea is calm.\n".as_bytes();

/// Before it is asked again whether something has happened.
const PAUSE: Duration = Duration::from_millis(20);

/// Above this a file comes in parts of `PART` bytes.
const WHOLE_MAX: usize = 64 << 20;
const PART: usize = 8 << 20;

impl World {
    async fn request(&self, by: &Person, name: &str, content_type: &str, bytes: &[u8]) -> Answer {
        self.request_of(by, name, content_type, bytes.len(), bytes).await
    }

    async fn request_of(
        &self,
        by: &Person,
        name: &str,
        content_type: &str,
        size: usize,
        bytes: &[u8],
    ) -> Answer {
        self.post("/v1/files", &request(name, content_type, size, bytes)).by(by).send().await
    }

    async fn complete(&self, by: &Person, file_id: &str) -> Answer {
        self.ask("POST", &format!("/v1/files/{file_id}/complete")).by(by).send().await
    }

    /// Uploads and completes.
    pub(crate) async fn upload(
        &self,
        by: &Person,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> String {
        let requested = self.request(by, name, content_type, bytes).await;
        let put = put(&requested.body["upload"], bytes).await;
        assert_eq!(put.status, 200, "{put:?}");
        let file_id = requested.text("file_id");
        let completed = self.complete(by, &file_id).await;
        assert_eq!(completed.status, 200, "{completed:?}");
        file_id
    }

    /// Sends those of `parts` that have these numbers. Returns how many were taken.
    async fn send_parts(
        &self,
        by: &Person,
        path: &str,
        parts: &[&[u8]],
        numbers: &[usize],
    ) -> usize {
        let asked = numbers.iter().map(|number| {
            let bytes = parts[number - 1];
            json!({ "number": number, "size": bytes.len(), "sha256": hex(bytes) })
        });
        let body = json!({ "parts": asked.collect::<Vec<_>>() });
        let tickets = self.post(path, &body).by(by).send().await;
        assert_eq!(tickets.status, 200, "{tickets:?}");
        let mut taken = 0;
        for ticket in tickets.body["items"].as_array().unwrap() {
            let number = usize::try_from(ticket["number"].as_u64().unwrap()).unwrap();
            let put = put(&ticket["upload"], parts[number - 1]).await;
            assert_eq!(put.status, 200, "{put:?}");
            taken += 1;
        }
        taken
    }

    pub(crate) async fn published(&self, by: &Person, file_id: &str) -> Value {
        self.until(by, file_id, "published").await
    }

    /// The file, as soon as it has come so far.
    async fn until(&self, by: &Person, file_id: &str, state: &str) -> Value {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            let file = self.read(by, &format!("/v1/files/{file_id}"), 0).await;
            if file["state"] == state {
                return file;
            }
            assert!(Instant::now() < give_up, "{file}");
            assert!(state == "rejected" || file["state"] != "rejected", "{file}");
            sleep(PAUSE).await;
        }
    }
}

fn request(name: &str, content_type: &str, size: usize, bytes: &[u8]) -> Value {
    json!({ "name": name, "content_type": content_type, "size": size, "sha256": hex(bytes) })
}

/// Sends bytes to the storage, as the ticket says.
async fn put(ticket: &Value, bytes: &[u8]) -> Answer {
    let (method, url) = (ticket["method"].as_str().unwrap(), ticket["url"].as_str().unwrap());
    Ask::elsewhere(method, url, &ticket["headers"], bytes).await
}

async fn fetch(url: &Value) -> Answer {
    Ask::elsewhere("GET", url.as_str().unwrap(), &Value::Null, b"").await
}

fn hex(bytes: &[u8]) -> String {
    Sha256(digest(&SHA256, bytes).as_ref().try_into().unwrap()).to_string()
}

fn photo(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| Rgb([x, y, x + y].map(|it| (it % 256).to_le_bytes()[0]));
    let image = DynamicImage::from(RgbImage::from_fn(width, height, pixel));
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}
