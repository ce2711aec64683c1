"""What the album holds, and that its proof finds what is not as it was sent."""

import tempfile
import unittest
from pathlib import Path

from album import HUB, Medium, make_album
from album_proof import compare, tags_of


def media(folder, images=30, files=20):
    found = []
    for ordinal in range(images + files):
        kind = ("png", "image/png") if ordinal % 3 < 2 else ("csv", "text/csv")
        path = Path(folder) / f"{ordinal}.{kind[0]}"
        path.write_bytes(b"%d" % ordinal)
        found.append(Medium(path.name, kind[1], path))
    return found


class Planning(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.media = media(folder.name)
        self.album = make_album(self.media)

    def test_numbers_are_dense_and_ids_are_each_ones_own(self):
        for chat in self.album.chats:
            numbers = [shared.number for shared in chat.messages]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        ids = [shared.message_id for shared in self.album.messages]
        self.assertEqual(len(set(ids)), len(ids))

    def test_every_plan_is_the_same(self):
        again = make_album(self.media)
        told = [
            [(it.message_id, it.sender, it.text, it.edited, it.deleted) for it in album.messages]
            for album in (self.album, again)
        ]
        self.assertEqual(told[0], told[1])
        self.assertEqual(self.album.messages[0].message_id, "050d3adf-bd2a-5802-acf0-c61fbe4b714b")

    def test_every_medium_is_sent_once_and_by_a_member(self):
        self.assertCountEqual(
            [it.medium.name for it in self.album.sent], [it.name for it in self.media]
        )
        for shared in self.album.messages:
            self.assertIn(shared.sender, self.album.chats[shared.chat].members)

    def test_there_is_some_of_everything(self):
        messages = self.album.messages
        for what in ("edited", "deleted", "reaction", "pinned", "answer", "reply_to", "forwarded"):
            self.assertTrue(any(getattr(it, what) for it in messages), what)
        self.assertEqual(max(it.hops for it in messages), 2)
        self.assertTrue(any(it.forwarded and it.origin.deleted for it in messages))

    def test_copies_come_last_and_nothing_becomes_of_what_is_deleted(self):
        for chat in self.album.chats:
            forwarded = [it.forwarded is not None for it in chat.messages]
            self.assertEqual(forwarded, sorted(forwarded))
        for shared in self.album.messages:
            if shared.deleted:
                self.assertFalse(shared.edited or shared.reaction or shared.pinned)

    def test_whoever_forwards_is_in_both_chats(self):
        for forward in self.album.forwards:
            for shared in (forward.source, *forward.copies):
                self.assertIn(forward.by, self.album.chats[shared.chat].members)
        self.assertEqual(self.album.chats[0].members[0], list(self.album.people)[HUB])


class Comparing(unittest.TestCase):
    def assert_equal(self, expected, item):
        self.assertEqual(list(compare(expected, item)), [])

    def assert_found(self, expected, item, what):
        self.assertEqual(list(compare(expected, item)), [what])

    def test_what_is_expected_has_to_be_there(self):
        self.assert_equal({"text": "a"}, {"text": "a", "more": 1})
        self.assert_found({"text": "a"}, {"text": "b"}, "text is 'b', expected 'a'")
        self.assert_found({"text": "a"}, {}, "text is None, expected 'a'")

    def test_none_may_be_left_out_and_nothing_may_be_there(self):
        self.assert_equal({"file": None}, {})
        self.assert_equal({"file": None}, {"file": None})
        self.assert_found({"file": None}, {"file": 7}, "file is 7, expected None")
        self.assert_found(
            {"sender": {"id": None}}, {"sender": {"id": 1}}, "sender's id is 1, expected None"
        )

    def test_parts_are_compared_by_their_names(self):
        self.assert_equal({"file": {"name": "x"}}, {"file": {"name": "x", "size": 1}})
        self.assert_found({"file": {"name": "x"}}, {}, "file is None, expected {'name': 'x'}")
        self.assert_found(
            {"reactions": [{"emoji": "a"}]},
            {"reactions": [{"emoji": "b", "at": 0}]},
            "reactions 0's emoji is 'b', expected 'a'",
        )
        self.assert_found({"tags": []}, {"tags": ["a"]}, "tags is ['a'], expected []")
        self.assert_found({"tags": ["a"]}, {"tags": ["b"]}, "tags 0 is 'b', expected 'a'")

    def test_a_flag_is_no_number(self):
        self.assert_found({"deleted": False}, {"deleted": None}, "deleted is None, expected False")

    def test_tags_of_a_text(self):
        self.assertEqual(tags_of("a.png of the #images"), ["images"])
        self.assertEqual(tags_of(None), [])


try:
    from io import BytesIO

    from PIL import Image

    from album_proof import compare_images
except ModuleNotFoundError:
    Image = None


@unittest.skipIf(Image is None, "needs the packages that scripts/demo/run installs")
class ComparingImages(unittest.TestCase):
    def setUp(self):
        self.image = Image.effect_noise((400, 200), 50)
        self.sent = encoded(self.image)
        self.thumbnails = {
            "256": encoded(self.image.resize((256, 128))),
            "1024": self.sent,
        }
        self.said = {"width": 400, "height": 200, "blur_hash": "x"}

    def found(self, got=None, thumbnails=None, said=None):
        return list(
            compare_images(
                self.sent, got or self.sent, thumbnails or self.thumbnails, said or self.said
            )
        )

    def test_nothing_when_all_is_equal(self):
        self.assertEqual(self.found(), [])

    def test_other_pixels_sizes_and_metadata(self):
        other = self.image.copy()
        other.putpixel((7, 7), 255 - other.getpixel((7, 7)))
        self.assertIn("other pixels than were sent", self.found(encoded(other)))
        self.assertIn("sent as L (400, 200)", self.found(encoded(self.image.resize((4, 2))))[0])
        exif = Image.Exif()
        exif[0x010F] = "a camera"
        self.assertIn("still has metadata: [271]", self.found(encoded(self.image, exif=exif)))

    def test_wrong_thumbnails_and_words(self):
        self.assertTrue(self.found(thumbnails=self.thumbnails | {"256": self.sent}))
        self.assertTrue(self.found(said=self.said | {"width": 200}))
        self.assertTrue(self.found(said=self.said | {"blur_hash": None}))


def encoded(image, **more):
    data = BytesIO()
    image.save(data, "PNG", **more)
    return data.getvalue()


if __name__ == "__main__":
    unittest.main()
