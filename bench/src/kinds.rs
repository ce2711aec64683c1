//! Messages of each type, and the files that go with them.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::json;

use crate::Outcome;
use crate::http::{Connection, unexpected};
use crate::people::{TEXT, said};

/// The smallest picture: one pixel.
const PICTURE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\
      \x00\x00\x00\x01\x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\
      \x54\x78\xda\x63\x50\x68\x38\x00\x00\x02\x24\x01\x61\xe3\xe9\x49\x3c\x00\x00\x00\
      \x00\x49\x45\x4e\x44\xae\x42\x60\x82";
const PICTURE_SHA256: &str = "9c9ba95a2f63b3b232790a135b2c5153890bae4c6bf50deab9c7a5016daa8e0e";

/// Of [`TEXT`].
const TEXT_SHA256: &str = "05e74fd46868879e9e25ef6e98e17cf6a633428ba9f92bba14ee18ef1c95f7fe";

/// What a message holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Actionable,
    File,
    Image,
}

/// A file to be sent: what it is called, what it is, and its bytes with their digest.
struct Sample {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    sha256: &'static str,
}

/// As much of the answer as is needed.
#[derive(Deserialize)]
struct Requested {
    file_id: String,
    upload: Ticket,
}

#[derive(Deserialize)]
struct Ticket {
    url: String,
    headers: std::collections::BTreeMap<String, String>,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Text, Self::Actionable, Self::File, Self::Image];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "texts",
            Self::Actionable => "actionable messages",
            Self::File => "files",
            Self::Image => "images",
        }
    }

    /// The fields of a message beside its id. A file is uploaded first, by `token`'s owner.
    pub(crate) async fn fields(self, addr: SocketAddr, token: &str) -> Outcome<String> {
        let sample = match self {
            Self::Text => return Ok(said()),
            Self::Actionable => {
                let params = r#"{"choices":["yes","no"]}"#;
                return Ok(format!(
                    r#""type":"actionable","text":"{TEXT}","action":"ask","action_params":{params}"#
                ));
            }
            Self::File => Sample {
                name: "fox.txt",
                content_type: "text/plain",
                bytes: TEXT.as_bytes(),
                sha256: TEXT_SHA256,
            },
            Self::Image => Sample {
                name: "pixel.png",
                content_type: "image/png",
                bytes: PICTURE,
                sha256: PICTURE_SHA256,
            },
        };
        let kind = if matches!(self, Self::Image) { "image" } else { "file" };
        let file_id = upload(addr, token, &sample).await?;
        Ok(format!(r#""type":"{kind}","file_id":"{file_id}","caption":"{TEXT}""#))
    }
}

/// Uploads `sample` as apps do: asks, sends the bytes to the storage, and says that they are there.
async fn upload(addr: SocketAddr, token: &str, sample: &Sample) -> Outcome<String> {
    let mut connection = Connection::open(addr).await?;
    let wanted = json!({
        "name": sample.name,
        "content_type": sample.content_type,
        "size": sample.bytes.len(),
        "sha256": sample.sha256,
    });
    let answer = connection.json("POST", "/v1/files", Some(token), Some(&wanted)).await?;
    let Requested { file_id, upload } = serde_json::from_value(answer)?;
    let address = upload.url.strip_prefix("http://").and_then(|it| it.split_once('/'));
    let (host, path) = address.ok_or("the storage is not on this machine")?;
    let asked = upload.headers.iter().filter(|it| !it.0.eq_ignore_ascii_case("host"));
    let headers: Vec<_> = asked.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
    let put = [head.as_bytes(), sample.bytes].concat();
    let mut storage = Connection::open(host.parse()?).await?;
    let stored = storage.call(&put).await?;
    if stored.status != 200 {
        return Err(unexpected(&stored, "an upload"));
    }
    let path = format!("/v1/files/{file_id}/complete");
    connection.json("POST", &path, Some(token), None).await?;
    Ok(file_id)
}
