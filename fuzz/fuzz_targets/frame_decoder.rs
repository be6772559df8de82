//! No bytes on the bus make the frame decoder fail, and what it hands out was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_meter::frame::{self, ReadRequest};
use solthrive_meter::profile::Function;

fuzz_target!(|bytes: &[u8]| {
    let [unit, function, count, noise @ ..] = bytes else { return };
    let function = if function & 1 == 0 { Function::Holding } else { Function::Input };
    let count = u16::from(count % 125) + 1;
    let request = ReadRequest { unit: *unit, function, address: 0, count };
    if let Ok(registers) = frame::parse_reply(request, noise) {
        assert_eq!(registers.iter().len(), usize::from(count));
        assert_eq!((noise[0], noise[1]), (request.unit, function.code()));
    }
    let _ = frame::parse_request(noise);
    let _ = frame::has_sound_reply(noise);
    // A sound answer is found behind the noise, unless the noise holds one itself.
    let values: Vec<u16> = (0..count).collect();
    let mut line = noise.to_vec();
    line.extend(frame::encode_reply(*unit, function, &values));
    let found = frame::find_reply(request, &line).expect("the answer is there");
    assert!(found.at.end <= line.len());
});
