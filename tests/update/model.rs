//! What a merge comes to, slowly and obviously: by recursion over whole trees in memory.

use crate::tree::{Children, Node};

/// Conflicts as the report has them, each path with its word.
pub(crate) type Conflicts = Vec<(String, &'static str)>;

/// Merges the changes from `old` to `new` into what the user has at `path`.
pub(crate) fn merge(
    path: &str,
    old: Option<&Node>,
    new: Option<&Node>,
    user: Option<&Node>,
    is_told: bool,
    conflicts: &mut Conflicts,
) -> Option<Node> {
    let [o, n, u] = [old, new, user].map(|node| node.map(Node::alone));
    let follows = o != n && u == o && u != n;
    let conflict = if o == n || u == n || u == o {
        None
    } else {
        Some(match (&o, &n, &u) {
            (Some(_), None, _) => "image-removed",
            (None, ..) => "both-added",
            (.., None) => "user-removed",
            _ => "both-changed",
        })
    };
    let mut is_told = is_told;
    if let Some(word) = conflict {
        if !is_told {
            conflicts.push((path.to_owned(), word));
        }
        // Beneath what is no directory of the user's, the image's changes are part of this conflict.
        is_told |= !matches!(u, Some(Node::Directory { .. }));
    }
    let own = if follows { n.clone() } else { u.clone() };
    // A directory that is to go, or to become something else, stays a directory until it is empty.
    let goes =
        follows && matches!(u, Some(Node::Directory { .. })) && !matches!(n, Some(Node::Directory { .. }));
    let is_directory = goes || matches!(own, Some(Node::Directory { .. }));

    let mut children = Children::new();
    let of = |node: Option<&Node>| node.and_then(Node::children).cloned().unwrap_or_default();
    let [old, new, user] = [of(old), of(new), of(user)];
    let mut names: Vec<_> = old.keys().chain(new.keys()).chain(user.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = format!("{path}/{name}");
        let (o, n, u) = (old.get(name), new.get(name), user.get(name));
        if is_directory {
            if let Some(child) = merge(&path, o, n, u, is_told, conflicts) {
                children.insert(name.clone(), child);
            }
        } else {
            merge_nowhere(&path, o, n, is_told, conflicts);
        }
    }
    if goes && !children.is_empty() {
        if n.is_some() && !is_told {
            conflicts.push((path.to_owned(), "both-changed"));
        }
        return with_children(u, children);
    }
    with_children(own, children)
}

/// The image's changes where the user has no directory for them.
fn merge_nowhere(
    path: &str,
    old: Option<&Node>,
    new: Option<&Node>,
    is_told: bool,
    conflicts: &mut Conflicts,
) {
    let [o, n] = [old, new].map(|node| node.map(Node::alone));
    let mut is_told = is_told;
    if o != n && n.is_some() {
        if !is_told {
            conflicts.push((path.to_owned(), "user-removed"));
        }
        is_told = true;
    }
    let of = |node: Option<&Node>| node.and_then(Node::children).cloned().unwrap_or_default();
    let [old, new] = [of(old), of(new)];
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        merge_nowhere(&format!("{path}/{name}"), old.get(name), new.get(name), is_told, conflicts);
    }
}

fn with_children(node: Option<Node>, of: Children) -> Option<Node> {
    node.map(|node| match node {
        Node::Directory { mode, .. } => Node::Directory { mode, children: of },
        other => other,
    })
}
