package import Diagnostics

/// What the hub calls a model, `owner/name`, and which of its revisions is meant: `owner/name@revision`.
package struct ModelName: Equatable, Sendable {
  /// `owner/name`.
  package let repository: String
  /// A branch, a tag or a commit.
  package let revision: String
  /// What is there under the name.
  package var kind = RepositoryKind.model

  /// The owner's name and the one after it.
  package var words: [String] { repository.split(separator: "/").map(String.init) }

  /// The name and revision as they are given.
  package var text: String {
    revision == Self.usualRevision ? repository : "\(repository)@\(revision)"
  }

  /// The revision that is meant where none is given.
  package static let usualRevision = "main"

  /// Reads a name; nil if the text is none, but a path or nothing that makes sense.
  ///
  /// - Throws: `InputError` of code `invalidValue` if it is one with a revision that none can have.
  package init?(_ text: String) throws(InputError) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard let repository = parts.first, Self.isRepository(repository) else { return nil }
    self.repository = String(repository)
    revision = parts.count > 1 ? String(parts[1]) : Self.usualRevision
    guard Self.isRevision(revision) else {
      throw InputError(
        .invalidValue, source: text,
        "\(quoted(revision)) is no revision; expected a branch, a tag or a commit")
    }
  }

  /// Whether the hub could have a model of this name: two words of letters, digits, `-`, `_` and `.`, and not what a
  /// path could mean.
  private static func isRepository(_ text: Substring) -> Bool {
    let words = text.split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, !text.contains("--"), !text.contains(".."), !text.hasSuffix(".git")
    else { return false }
    for word in words {
      guard (1...96).contains(word.utf8.count), let first = word.first, let last = word.last,
        !"-.".contains(first), !"-.".contains(last),
        !word.utf8.contains(where: { !isWordByte($0) })
      else { return false }
    }
    return true
  }

  /// Whether git could have a reference of this name, which is a path below `refs` in the cache.
  private static func isRevision(_ text: String) -> Bool {
    guard (1...200).contains(text.utf8.count) else { return false }
    for word in text.split(separator: "/", omittingEmptySubsequences: false) {
      guard let first = word.first, !"-.".contains(first), !word.hasSuffix("."),
        !word.hasSuffix(".lock"), !word.contains(".."),
        !word.utf8.contains(where: { !isWordByte($0) && $0 != UInt8(ascii: "+") })
      else { return false }
    }
    return true
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch UnicodeScalar(byte) {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
    default: false
    }
  }
}

/// What a hub has under a name.
package enum RepositoryKind: String, Sendable {
  case model, dataset

  /// The word for all of them in paths.
  var plural: String { rawValue + "s" }
  /// What stands before names in addresses of files and pages.
  var addressWords: [String] { self == .model ? [] : [plural] }
  /// What else could have been meant than a name.
  var place: String { self == .model ? "folder" : "file" }
}

/// Whether a text is a digest of so many hexadecimal digits, in the form in which digests name files.
package func isDigest(_ text: some StringProtocol, digitCount: Int) -> Bool {
  text.utf8.count == digitCount
    && !text.utf8.contains { byte in
      switch UnicodeScalar(byte) {
      case "a"..."f", "0"..."9": false
      default: true
      }
    }
}

/// Whether a text is a commit in full.
package func isCommit(_ text: some StringProtocol) -> Bool { isDigest(text, digitCount: 40) }
