//! Random trees from a seed, so that a failure can be had again.

use crate::tree::{Children, Node};

/// `xorshift64*`: good enough to vary, and the same everywhere.
pub(crate) struct Random(u64);

const NAMES: [&str; 5] = ["a", "a-b", "b", "c d", "ü"];

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }

    /// Which call of many: mostly one of the first.
    pub(crate) fn nth(&mut self) -> usize {
        let limit = [2, 6, 30][self.below(3)];
        1 + self.below(limit)
    }

    /// A directory with something in it.
    pub(crate) fn directory(&mut self, depth: usize) -> Node {
        let mut children = Children::new();
        for name in NAMES {
            if self.below(2) == 0 {
                children.insert(name.to_owned(), self.node(depth));
            }
        }
        Node::Directory { mode: self.mode(0o755, 0o700), children }
    }

    fn node(&mut self, depth: usize) -> Node {
        match self.below(6) {
            0 => Node::Link { target: ["a", "/nowhere"][self.below(2)].to_owned() },
            1..3 if depth > 0 => self.directory(depth - 1),
            _ => Node::File {
                mode: self.mode(0o644, 0o600),
                content: ["x", "y", ""][self.below(3)].to_owned(),
            },
        }
    }

    fn mode(&mut self, usual: u32, other: u32) -> u32 {
        if self.below(4) == 0 { other } else { usual }
    }

    /// The tree with some changes.
    pub(crate) fn changed(&mut self, node: &Node, depth: usize) -> Node {
        let Node::Directory { mode, children } = node else { return self.node(depth) };
        let mut changed = Children::new();
        for name in NAMES {
            let child = match (children.get(name), self.below(5)) {
                (Some(_), 0) => None,
                (_, 1) => Some(self.node(depth)),
                (Some(child @ Node::Directory { .. }), _) => {
                    Some(self.changed(child, depth.saturating_sub(1)))
                }
                (child, _) => child.cloned(),
            };
            if let Some(child) = child {
                changed.insert(name.to_owned(), child);
            }
        }
        let mode = if self.below(8) == 0 { self.mode(0o711, 0o700) } else { *mode };
        Node::Directory { mode, children: changed }
    }
}
