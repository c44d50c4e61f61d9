//! "Did you mean".

/// The candidate that `word` is most likely a slip of: Damerau-Levenshtein distance of at most a third of the
/// longer word. Of equally near ones the first.
#[must_use]
pub(crate) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance * 3 <= word.chars().count().max(candidate.chars().count()))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Words as a sentence lists them: `a`, `b` or `c`.
#[must_use]
pub(crate) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let words = ["lifetime", "scope", "mode"];
        assert_eq!(closest("lifetme", words), Some("lifetime"));
        assert_eq!(closest("moed", words), Some("mode"));
        assert_eq!(closest("persist", words), None);
    }

    #[test]
    fn lists_as_a_sentence_does() {
        assert_eq!(alternatives(&["a"]), "`a`");
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
