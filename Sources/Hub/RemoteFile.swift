package import Diagnostics
import JSONText

/// A file of a model as the hub lists it.
package struct RemoteFile: Equatable, Sendable {
  /// How the hub tells the file's content.
  package enum Digest: Equatable, Sendable {
    /// SHA-256 of the bytes: of weights, and of all that git leaves to others.
    case sha256(String)
    /// What git calls the file.
    case git(String)

    /// The name of the file's blob in the cache.
    package var text: String {
      switch self {
      case .sha256(let text), .git(let text): text
      }
    }
  }

  /// Its path in the model, with `/` between names; none of them leads elsewhere.
  package let path: String
  package let byteCount: Int
  package let digest: Digest

  package init(path: String, byteCount: Int, digest: Digest) {
    (self.path, self.byteCount, self.digest) = (path, byteCount, digest)
  }

  /// Most files of a model that are listed.
  static let countLimit = 100_000

  /// Reads a page of the list of a model's files.
  ///
  /// - Throws: `InputError` if it is none: no JSON, a path that leads elsewhere, a size or a digest that is none.
  package static func files(json: [UInt8]) throws(InputError) -> [RemoteFile] {
    let entries = try JSONReader(try JSONValue.parse(json)).elements()
    guard entries.count <= countLimit else {
      throw InputError(
        .malformed, "lists \(entries.count) files; at most \(countLimit) are read")
    }
    var files: [RemoteFile] = []
    for entry in entries where try entry.required("type").string() == "file" {
      files.append(try RemoteFile(entry))
    }
    return files
  }

  private init(_ entry: JSONReader) throws(InputError) {
    let pathReader = try entry.required("path")
    path = try pathReader.string()
    guard Self.isInside(path) else { throw pathReader.mismatch("the path of a file in a model") }
    // A file that git leaves to others is a pointer to git; both numbers are that of the file itself.
    let large = try entry.optional("lfs")
    let sizeReader = try (large ?? entry).required("size")
    // More than any file has; and of as many files as are listed the sum is still a number.
    byteCount = try sizeReader.int(in: 0...1 << 44)
    let digestReader = try (large ?? entry).required("oid")
    let text = try digestReader.string()
    guard isDigest(text, digitCount: large == nil ? 40 : 64) else {
      throw digestReader.mismatch("a digest of \(large == nil ? 40 : 64) hexadecimal digits")
    }
    digest = large == nil ? .git(text) : .sha256(text)
  }

  /// Whether a path stays in the folder that it is in.
  package static func isInside(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count <= 1000 else { return false }
    for name in path.split(separator: "/", omittingEmptySubsequences: false) {
      guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= 255,
        !name.unicodeScalars.contains(where: { $0 == "\\" || $0.value < 32 || $0.value == 127 })
      else { return false }
    }
    return true
  }
}

/// Reads which commit a revision is.
package func commit(json: [UInt8]) throws(InputError) -> String {
  let reader = try JSONReader(try JSONValue.parse(json)).required("sha")
  let text = try reader.string()
  guard isCommit(text) else { throw reader.mismatch("a commit of 40 hexadecimal digits") }
  return text
}
