//! Frames, one after the other.

use std::io::{ErrorKind, Read, Write};

use super::{Block, End, Header, HistoryError, MAX_FRAME, Part};

const MAGIC: &[u8; 6] = b"SThist";
const VERSION: u16 = 1;
/// Fast: the numbers are small already.
const LEVEL: i32 = 1;

const HEADER: u8 = 1;
const COARSE: u8 = 2;
const ROWS: u8 = 3;
const END: u8 = 4;

/// A block as it lies in the stream. To pack and to unpack it takes its time, and can be done anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Number of its home in [`Header::homes`].
    pub home: usize,
    /// What it is for.
    pub part: Part,
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs a block of a home.
    ///
    /// # Errors
    /// [`HistoryError::Io`] of the compressor.
    pub fn of(home: usize, part: Part, block: &Block) -> Result<Self, HistoryError> {
        let bytes = zstd::bulk::compress(&block.encode(), LEVEL)?;
        Ok(Self { home, part, bytes })
    }

    /// The block.
    ///
    /// # Errors
    /// A text for a person when it is none.
    pub fn unpack(&self) -> Result<Block, String> {
        let plain =
            zstd::bulk::decompress(&self.bytes, MAX_FRAME).map_err(|error| error.to_string())?;
        Block::decode(&plain).ok_or_else(|| "a block makes no sense".to_owned())
    }

    /// Bytes that it takes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing in it, which is never so.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Writes a stream.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    blocks: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a stream.
    ///
    /// # Errors
    /// [`HistoryError::Io`].
    pub fn begin(mut out: W, header: &Header) -> Result<Self, HistoryError> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let mut writer = Self { out, blocks: 0 };
        writer.frame(HEADER, &[], &json(header)?)?;
        Ok(writer)
    }

    /// Appends a block.
    ///
    /// # Errors
    /// [`HistoryError::Io`].
    pub fn put(&mut self, packed: &Packed) -> Result<(), HistoryError> {
        let kind = match packed.part {
            Part::Coarse => COARSE,
            Part::Rows => ROWS,
        };
        let home = u32::try_from(packed.home).unwrap_or(u32::MAX);
        self.frame(kind, &home.to_le_bytes(), &packed.bytes)?;
        self.blocks += 1;
        Ok(())
    }

    /// Ends the stream; without it, it counts as torn.
    ///
    /// # Errors
    /// [`HistoryError::Io`].
    pub fn end(mut self) -> Result<W, HistoryError> {
        let end = json(&End {
            blocks: self.blocks,
        })?;
        self.frame(END, &[], &end)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn frame(&mut self, kind: u8, number: &[u8], rest: &[u8]) -> Result<(), HistoryError> {
        let length = 1 + number.len() + rest.len();
        if length > MAX_FRAME {
            let why = std::io::Error::new(ErrorKind::FileTooLarge, "a frame is too large");
            return Err(why.into());
        }
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), number);
        let checksum = crc32c::crc32c_append(checksum, rest);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&checksum.to_le_bytes())?;
        self.out.write_all(&[kind])?;
        self.out.write_all(number)?;
        Ok(self.out.write_all(rest)?)
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, HistoryError> {
    serde_json::to_vec(value).map_err(|error| HistoryError::Io(error.into()))
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A block.
    Block(Packed),
    /// The end; every block was seen.
    End,
}

/// Reads a stream.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    blocks: u64,
}

impl<R: Read> Reader<R> {
    /// Reads what the stream is about.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn begin(mut input: R) -> Result<(Header, Self), HistoryError> {
        let mut magic = [0; 8];
        input
            .read_exact(&mut magic)
            .map_err(|_| HistoryError::Stranger)?;
        let (name, version) = magic.split_at(MAGIC.len());
        if name != MAGIC {
            return Err(HistoryError::Stranger);
        }
        let version = u16::from_le_bytes([version[0], version[1]]);
        if version != VERSION {
            return Err(HistoryError::Version(version));
        }
        let mut reader = Self { input, blocks: 0 };
        let frame = reader.frame()?;
        match frame.split_first() {
            Some((&HEADER, rest)) => Ok((reader.json(rest)?, reader)),
            _ => Err(reader.damaged("it does not begin with its header")),
        }
    }

    /// Reads the next block, or the end.
    ///
    /// # Errors
    /// [`HistoryError`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could be collected into memory"
    )]
    pub fn next(&mut self) -> Result<Next, HistoryError> {
        let mut frame = self.frame()?;
        let part = match frame.first() {
            Some(&COARSE) => Part::Coarse,
            Some(&ROWS) => Part::Rows,
            Some(&END) => {
                let end: End = self.json(&frame[1..])?;
                if end.blocks == self.blocks {
                    return Ok(Next::End);
                }
                return Err(self.damaged("blocks are missing"));
            }
            _ => return Err(self.damaged("a frame of a kind that is not known")),
        };
        let Some((number, _)) = frame[1..].split_first_chunk::<4>() else {
            return Err(self.damaged("a frame that is too short"));
        };
        let home = u32::from_le_bytes(*number) as usize;
        let bytes = frame.split_off(5);
        self.blocks += 1;
        Ok(Next::Block(Packed { home, part, bytes }))
    }

    fn frame(&mut self) -> Result<Vec<u8>, HistoryError> {
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let [length, checksum] = [&head[..4], &head[4..]]
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let length = length as usize;
        if length > MAX_FRAME {
            return Err(self.damaged("a frame that is too long"));
        }
        let mut frame = vec![0; length];
        self.fill(&mut frame)?;
        if crc32c::crc32c(&frame) != checksum {
            return Err(self.damaged("a checksum does not hold"));
        }
        Ok(frame)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), HistoryError> {
        self.input
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => HistoryError::Torn(self.blocks),
                _ => error.into(),
            })
    }

    fn json<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, HistoryError> {
        serde_json::from_slice(bytes).map_err(|error| self.damaged(&error.to_string()))
    }

    fn damaged(&self, what: &str) -> HistoryError {
        HistoryError::Damaged {
            after: self.blocks,
            what: what.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::telemetry::UnixMillis;

    use super::super::Column;
    use super::*;

    fn header() -> Header {
        let at = |ms| UnixMillis::try_from(ms).unwrap();
        Header {
            made_by: "a test".to_owned(),
            from: at(0),
            rows_from: at(900_000),
            to: at(1_800_000),
            coarse_s: 900,
            step_s: 60,
            homes: Vec::new(),
        }
    }

    fn block() -> Block {
        let mut solar = Column::new("solar_kw", 3);
        solar.numbers = vec![1_234, -5, 0];
        Block {
            times: vec![0, 60_000, 120_000],
            columns: vec![solar],
        }
    }

    fn stream() -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &header()).unwrap();
        for part in [Part::Coarse, Part::Rows] {
            writer.put(&Packed::of(7, part, &block()).unwrap()).unwrap();
        }
        writer.end().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Packed>, HistoryError> {
        let (said, mut reader) = Reader::begin(bytes)?;
        assert_eq!(said, header());
        let mut all = Vec::new();
        while let Next::Block(packed) = reader.next()? {
            all.push(packed);
        }
        Ok(all)
    }

    #[test]
    fn blocks_come_back_with_the_numbers_that_a_device_says() {
        let blocks = read(&stream()).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].home, blocks[0].part), (7, Part::Coarse));
        let back = blocks[1].unpack().unwrap();
        assert_eq!(back, block());
        let snapshots = back.snapshots().unwrap();
        let solar: Vec<_> = snapshots.iter().map(|said| said.values.solar_kw).collect();
        assert_eq!(solar, [Some(1.234), Some(-0.005), Some(0.0)]);
        assert_eq!(snapshots[1].ts.get(), 60_000);
    }

    #[test]
    fn what_is_torn_or_damaged_is_noticed_wherever_it_is() {
        let whole = stream();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        for place in 0..whole.len() {
            let mut other = whole.clone();
            other[place] ^= 0x10;
            assert!(read(&other).is_err(), "byte {place}");
        }
        assert!(matches!(
            read(b"PK\x03\x04 zip"),
            Err(HistoryError::Stranger)
        ));
    }

    #[test]
    fn a_number_that_no_device_may_say_is_refused_here_too() {
        let mut wild = block();
        wild.columns[0].numbers[1] = 3_000_000;
        assert!(wild.snapshots().unwrap_err().contains("solar_kw is 3000"));
        wild.columns[0].name = "moon_kw".to_owned();
        assert!(wild.snapshots().unwrap_err().contains("moon_kw"));
    }
}
