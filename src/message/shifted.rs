//! The two old seven-bit charsets of Korea and China that no decoder takes any more (WHATWG replaces them whole): the letters
//! stand between a sign that shifts in and one that shifts out. Unshifted they are plain EUC, which every decoder takes.

/// The bytes as an eight-bit charset, and its name; `None` for any other charset.
/// `iso-2022-kr` is RFC 1557, `hz-gb-2312` is RFC 1843. A line's end ends what was shifted, as both ask writers to do.
pub fn unshift(bytes: &[u8], charset: &str) -> Option<(Vec<u8>, &'static str)> {
    match charset {
        "iso-2022-kr" | "csiso2022kr" => Some((korean(bytes), "euc-kr")),
        "hz-gb-2312" | "hz" => Some((chinese(bytes), "gb18030")),
        _ => None,
    }
}

fn korean(bytes: &[u8]) -> Vec<u8> {
    const DESIGNATION: &[u8] = b"\x1b$)C";
    let mut out = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(DESIGNATION) {
            at += DESIGNATION.len();
            continue;
        }
        match bytes[at] {
            0x0e => shifted = true,
            0x0f => shifted = false,
            byte => {
                shifted &= byte != b'\n';
                out.push(raise(byte, shifted));
            }
        }
        at += 1;
    }
    out
}

fn chinese(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'~', Some(b'{')) if !shifted => (shifted, at) = (true, at + 1),
            (b'~', Some(b'}')) if shifted => (shifted, at) = (false, at + 1),
            (b'~', Some(b'\n')) if !shifted => at += 1,
            (b'~', Some(b'~')) if !shifted => {
                out.push(b'~');
                at += 1;
            }
            (byte, _) => {
                shifted &= byte != b'\n';
                out.push(raise(byte, shifted));
            }
        }
        at += 1;
    }
    out
}

fn raise(byte: u8, shifted: bool) -> u8 {
    if shifted && (0x21..=0x7e).contains(&byte) { byte | 0x80 } else { byte }
}
