use egui::{Color32, epaint::Shadow};

/// Colours by the role they play; both themes have the same roles.
#[derive(Debug)]
pub struct Palette {
    /// Ground of lists and bars.
    pub panel: Color32,
    /// Ground of the timeline and of screens without lists.
    pub ground: Color32,
    /// Ground of cards, dialogs and menus.
    pub raised: Color32,
    /// Ground of fields.
    pub field: Color32,
    /// Ground of plain buttons.
    pub control: Color32,
    /// Border of plain buttons and fields.
    pub control_line: Color32,
    /// Ground of what the pointer is over.
    pub hover: Color32,
    /// Ground of what is pressed.
    pub pressed: Color32,
    /// Ground of the open conversation's row, and of the row that Enter takes.
    pub chosen: Color32,
    /// Thin lines between areas.
    pub line: Color32,
    /// Text on all of the grounds above.
    pub text: Color32,
    /// Second lines and times on the same grounds.
    pub text_weak: Color32,
    /// Ground of the main button, badges and marks.
    pub accent: Color32,
    /// The main button under the pointer.
    pub accent_hover: Color32,
    /// Text on both accents.
    pub on_accent: Color32,
    /// Links and marks on plain grounds.
    pub accent_text: Color32,
    /// Ground of own messages.
    pub own: Color32,
    /// Text of own messages, links in them included.
    pub on_own: Color32,
    /// Times in own messages.
    pub on_own_weak: Color32,
    /// Ground of code in own messages.
    pub own_code: Color32,
    /// Ground of the other side's messages.
    pub other: Color32,
    /// Text of the other side's messages.
    pub on_other: Color32,
    /// Times in the other side's messages.
    pub on_other_weak: Color32,
    /// Ground of code in the other side's messages.
    pub other_code: Color32,
    /// Ground of selected text, which is written in `accent_text`.
    pub selection: Color32,
    /// Ground of words that were looked for; `text` stands on it.
    pub found: Color32,
    /// Ground of warnings.
    pub warning: Color32,
    /// Text on the ground of warnings.
    pub on_warning: Color32,
    /// Warnings on plain grounds.
    pub warning_text: Color32,
    /// Errors on plain grounds.
    pub danger_text: Color32,
    /// The sign of own messages that have been read.
    pub read: Color32,
    /// "Connected" on plain grounds.
    pub success_text: Color32,
    /// The dot of who is online.
    pub present: Color32,
    /// Ground of the pictures of groups and of the server.
    pub sign_ground: Color32,
    /// The signs on them.
    pub on_sign_ground: Color32,
    /// Behind dialogs.
    pub veil: Color32,
    /// Grounds of avatars; white letters stand on all of them.
    pub avatars: [Color32; 8],
    /// Letters on avatars.
    pub on_avatar: Color32,
    /// The ground of a QR code: scanners expect it to be light.
    pub code_ground: Color32,
    /// The modules of a QR code.
    pub code_ink: Color32,
    author_lightness: f32,
    shadow: u8,
}

/// Dark text on light ground.
pub const LIGHT: Palette = Palette {
    panel: rgb(0xFFFFFF),
    ground: rgb(0xEEF2F3),
    raised: rgb(0xFFFFFF),
    field: rgb(0xF3F6F7),
    control: rgb(0xFFFFFF),
    control_line: rgb(0xCBD5D9),
    hover: rgb(0xEFF3F4),
    pressed: rgb(0xE2E9EB),
    chosen: rgb(0xDCEFEB),
    line: rgb(0xDDE4E7),
    text: rgb(0x14201F),
    text_weak: rgb(0x566468),
    accent: rgb(0x0B7A6B),
    accent_hover: rgb(0x08675A),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x07695C),
    own: rgb(0xCFEFE7),
    on_own: rgb(0x0E2622),
    on_own_weak: rgb(0x3C625B),
    own_code: rgb(0xB9E3D9),
    other: rgb(0xFFFFFF),
    on_other: rgb(0x14201F),
    on_other_weak: rgb(0x5B686C),
    other_code: rgb(0xE8EDEE),
    selection: rgb(0xC3E7F1),
    found: rgb(0xFFE08A),
    warning: rgb(0xFFF1CF),
    on_warning: rgb(0x533B00),
    warning_text: rgb(0x865A00),
    danger_text: rgb(0xB42318),
    read: rgb(0x0A62B8),
    success_text: rgb(0x086B4A),
    present: rgb(0x0C9B4A),
    sign_ground: rgb(0x566468),
    on_sign_ground: rgb(0xFFFFFF),
    veil: Color32::from_black_alpha(110),
    avatars: AVATARS,
    on_avatar: Color32::WHITE,
    code_ground: rgb(0xFFFFFF),
    code_ink: rgb(0x14201F),
    author_lightness: 0.0,
    shadow: 28,
};

/// Light text on dark ground.
pub const DARK: Palette = Palette {
    panel: rgb(0x161C20),
    ground: rgb(0x0E1316),
    raised: rgb(0x1B2328),
    field: rgb(0x222B31),
    control: rgb(0x222B31),
    control_line: rgb(0x3A464D),
    hover: rgb(0x212A30),
    pressed: rgb(0x2B363D),
    chosen: rgb(0x17403B),
    line: rgb(0x273137),
    text: rgb(0xE9EFF0),
    text_weak: rgb(0x9FADB3),
    accent: rgb(0x0E7F70),
    accent_hover: rgb(0x0B7264),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x52D3BE),
    own: rgb(0x11534A),
    on_own: rgb(0xEDFBF8),
    on_own_weak: rgb(0xB4D9D2),
    own_code: rgb(0x0C3F38),
    other: rgb(0x202A30),
    on_other: rgb(0xE9EFF0),
    on_other_weak: rgb(0x9FADB3),
    other_code: rgb(0x12191D),
    selection: rgb(0x1B4A66),
    found: rgb(0x6B5300),
    warning: rgb(0x3D2F0B),
    on_warning: rgb(0xFFE3A1),
    warning_text: rgb(0xF2C357),
    danger_text: rgb(0xFFADA5),
    read: rgb(0x7CC7FF),
    success_text: rgb(0x52D3A4),
    present: rgb(0x4ADE80),
    sign_ground: rgb(0x3B4850),
    on_sign_ground: rgb(0xE9EFF0),
    veil: Color32::from_black_alpha(150),
    avatars: AVATARS,
    on_avatar: Color32::WHITE,
    code_ground: rgb(0xFFFFFF),
    code_ink: rgb(0x14201F),
    author_lightness: 0.55,
    shadow: 110,
};

const AVATARS: [Color32; 8] = [
    rgb(0x2563C9),
    rgb(0x7A4BC4),
    rgb(0xA8329B),
    rgb(0xC02A55),
    rgb(0xB2470F),
    rgb(0x3A7320),
    rgb(0x0A6C8F),
    rgb(0x56647A),
];

impl Palette {
    /// The shadow of dialogs and menus.
    pub fn shadow(&self) -> Shadow {
        Shadow {
            offset: [0, 6],
            blur: 24,
            spread: 0,
            color: Color32::from_black_alpha(self.shadow),
        }
    }

    /// The colour of an author's name over their message: that of their avatar, as light as the
    /// theme needs it.
    pub fn author(&self, name: &str) -> Color32 {
        self.lightened(self.avatar(name))
    }

    fn lightened(&self, colour: Color32) -> Color32 {
        colour.lerp_to_gamma(Color32::WHITE, self.author_lightness)
    }

    /// The ground of a quote, over that of the message it stands in.
    pub fn quote_tint(&self) -> Color32 {
        self.accent_text.gamma_multiply(0.10)
    }

    /// What a message that was jumped to has over its ground.
    pub fn jump_tint(&self) -> Color32 {
        self.found.gamma_multiply(0.4)
    }

    /// The avatar colour of a name: the same at every start and on every machine.
    pub fn avatar(&self, name: &str) -> Color32 {
        let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        // Stirred once more: names that differ in their last sign only differ in colour too.
        let stirred = (hash ^ (hash >> 17)).wrapping_mul(0x2C1B_3C6D);
        let stirred = stirred ^ (stirred >> 16);
        self.avatars[(stirred >> 20) as usize % self.avatars.len()]
    }
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of WCAG 2, from 1 to 21.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let light = |colour: Color32| {
            let [r, g, b, _] = egui::Rgba::from(colour).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// What is written where: each ink with all of the grounds it is used on.
    fn pairs(p: &Palette) -> Vec<(&'static str, Color32, Color32)> {
        let lists = [p.panel, p.hover, p.pressed, p.chosen];
        let areas = [p.ground, p.raised, p.field, p.control];
        let mut pairs = vec![
            ("accent", p.on_accent, p.accent),
            ("accent under the pointer", p.on_accent, p.accent_hover),
            ("own", p.on_own, p.own),
            ("own time", p.on_own_weak, p.own),
            ("own code", p.on_own, p.own_code),
            ("own quote", p.on_own, p.own.blend(p.quote_tint())),
            ("own quoted", p.on_own_weak, p.own.blend(p.quote_tint())),
            ("other", p.on_other, p.other),
            ("other code", p.on_other, p.other_code),
            ("other time", p.on_other_weak, p.other),
            (
                "other quoted",
                p.on_other_weak,
                p.other.blend(p.quote_tint()),
            ),
            ("other link", p.accent_text, p.other),
            ("found", p.text, p.found),
            ("warning", p.on_warning, p.warning),
            ("selected text", p.accent_text, p.selection),
            ("sign of a group", p.on_sign_ground, p.sign_ground),
        ];
        for (ink, ground) in [
            (p.on_own, p.own),
            (p.on_own_weak, p.own),
            (p.on_other, p.other),
            (p.on_other_weak, p.other),
            (p.accent_text, p.other),
        ] {
            pairs.push(("jumped to", ink, ground.blend(p.jump_tint())));
        }
        for ground in lists.into_iter().chain(areas) {
            pairs.extend([
                ("text", p.text, ground),
                ("weak text", p.text_weak, ground),
                ("link", p.accent_text, ground),
                ("warning text", p.warning_text, ground),
                ("danger", p.danger_text, ground),
                ("success", p.success_text, ground),
                ("read", p.read, ground),
            ]);
        }
        let ground = p.other.blend(p.quote_tint());
        pairs.push(("quote that nobody wrote", p.warning_text, ground));
        for ink in [p.danger_text, p.read] {
            pairs.push(("sign of an own message", ink, p.own));
        }
        for ground in p.avatars {
            pairs.push(("avatar", p.on_avatar, ground));
            let author = p.lightened(ground);
            pairs.push(("author", author, p.other));
            pairs.push(("quoted author", author, p.other.blend(p.quote_tint())));
        }
        pairs
    }

    fn check(theme: &str, p: &Palette) {
        for (role, ink, ground) in pairs(p) {
            let found = contrast(ink, ground);
            assert!(
                found >= 4.5,
                "{theme}: {role}: {found:.2} of {ink:?} on {ground:?}"
            );
        }
    }

    #[test]
    fn every_text_stands_out_from_its_ground() {
        check("light", &LIGHT);
        check("dark", &DARK);
    }

    #[test]
    fn a_dot_of_presence_is_seen_on_every_row_and_beside_every_avatar() {
        for p in [&LIGHT, &DARK] {
            for ground in [p.panel, p.hover, p.chosen, p.raised] {
                let dot = contrast(p.present, ground);
                assert!(dot >= 3.0, "{dot:.2} on {ground:?}");
                // The ground is between the dot and the avatar, as a ring.
                for avatar in p.avatars {
                    let seen = contrast(p.present, avatar).max(contrast(ground, avatar));
                    assert!(seen >= 3.0, "{seen:.2} of {avatar:?} on {ground:?}");
                }
            }
        }
    }

    #[test]
    fn the_design_document_has_every_role_and_its_colours() {
        let document = include_str!("../../../docs/DESIGN.md");
        let hex = |value: &str| u32::from_str_radix(value.strip_prefix('#')?, 16).ok();
        let rows = document.lines().filter_map(|line| {
            let mut cells = line.split('|').map(str::trim);
            let role = cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?;
            Some((role, [hex(cells.next()?)?, hex(cells.next()?)?]))
        });
        let rows: std::collections::BTreeMap<_, _> = rows.collect();
        // As the code writes itself: every role, also one that is added later.
        let (light, dark) = (format!("{LIGHT:?}"), format!("{DARK:?}"));
        let roles = light.split(['{', ',']).filter_map(|field| {
            let (role, colour) = field.split_once(": #")?;
            (colour.ends_with("FF") && !role.contains('[')).then(|| role.trim())
        });
        let mut checked = 0;
        for role in roles {
            let row = rows
                .get(role)
                .map(|colours| colours.map(|colour| format!("{role}: {:?}", rgb(colour))));
            let [in_light, in_dark] = row.unwrap_or_else(|| panic!("no row for {role}"));
            assert!(light.contains(&in_light), "{in_light}");
            assert!(dark.contains(&in_dark), "{in_dark}");
            checked += 1;
        }
        assert!(checked > 20);
        assert_eq!(checked, rows.len(), "rows without a role");
    }

    #[test]
    fn a_name_keeps_its_colour() {
        assert_eq!(LIGHT.avatar("alice"), LIGHT.avatar("alice"));
        let different: std::collections::BTreeSet<_> = ["alice", "bob", "carol", "dave", "eve"]
            .iter()
            .map(|name| LIGHT.avatar(name).to_array())
            .collect();
        assert!(different.len() >= 3);
        // Numbers of a class, one after the other.
        let class = (20..40).map(|number| LIGHT.avatar(&format!("20261{number}")).to_array());
        let different: std::collections::BTreeSet<_> = class.collect();
        assert_eq!(different.len(), LIGHT.avatars.len());
    }
}
