//! What requests cost. One unit is what one short line costs: about 10 µs of one core.

/// What it costs to let somebody in, besides telling those who watch who is there.
pub const LOGIN: u64 = 10;

/// What it costs to change who may log in: a file is replaced.
pub const ACCESS: u64 = 250;

/// What an answer costs that was made from so many rows and has so many bytes.
pub fn answer(rows: usize, bytes: usize) -> u64 {
    (rows / 8 + bytes / 8_192) as u64 + 1
}

/// What it costs to read so many bytes of a file for their hash.
pub fn hashing(bytes: u64) -> u64 {
    bytes / 16_384
}

/// What it costs to edit users and groups, whose files have so many bytes: they are read, written, synced, and read again.
pub fn edit(bytes: u64) -> u64 {
    500 + bytes / 512
}

/// What it costs to tell so many people something, besides the line that asks for it.
pub fn fan_out(people: usize) -> u64 {
    people as u64 / 8
}
