import Checkpoints
package import Diagnostics
package import Foundation
import Tensors

/// A model's folder in the cache of the hub's client: what is read and written there, in the client's own layout.
///
/// ```
/// models--owner--name/blobs/<digest>
/// models--owner--name/refs/<revision>                 the commit that the revision was
/// models--owner--name/snapshots/<commit>/<file>  ->  ../../blobs/<digest>
/// .locks/models--owner--name/<digest>.lock
/// ```
package struct CachedModel: Sendable {
  let folder: String
  private let locks: String

  package init(_ name: ModelName, cache: URL) {
    let folderName = name.kind.plural + "--" + name.repository.replacing("/", with: "--")
    let cache = cache.absoluteURL.standardizedFileURL.path(percentEncoded: false)
    let root = cache.hasSuffix("/") ? cache : cache + "/"
    folder = root + folderName
    locks = root + ".locks/" + folderName
  }

  /// The folder of a commit's files, whether it is there or not.
  package func snapshot(_ commit: String) -> URL {
    URL(filePath: "\(folder)/snapshots/\(commit)", directoryHint: .isDirectory)
  }

  func blob(_ digest: RemoteFile.Digest) -> String { "\(folder)/blobs/\(digest.text)" }

  func lock(_ digest: RemoteFile.Digest) -> String { "\(locks)/\(digest.text).lock" }

  /// The commit that a revision was when it was downloaded; nil if it has not been.
  ///
  /// - Throws: `InputError` if what stands there is no commit.
  package func commit(of revision: String) throws(InputError) -> String? {
    if isCommit(revision) { return revision }
    let file = "\(folder)/refs/\(revision)"
    guard FileStatus(path: file) != nil else { return nil }
    let bytes = try readFile(file, limit: 1 << 10)
    let text = String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    guard isCommit(text) else {
      throw InputError(
        .malformed, source: file,
        "holds \(quoted(text)), expected a commit of 40 hexadecimal digits; remove the file")
    }
    return text
  }

  // MARK: Writing

  /// Makes the folders that hold a model's files.
  func makeFolders() throws(InputError) {
    for path in ["\(folder)/blobs", "\(folder)/refs", "\(folder)/snapshots", locks] {
      try Self.makeFolder(path)
    }
  }

  private static func makeFolder(_ path: String) throws(InputError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw InputError(.unwritable, source: path, "cannot be made: \(systemReason(error))")
    }
  }

  /// Writes down which commit a revision is.
  func record(_ commit: String, of revision: String) throws(InputError) {
    guard !isCommit(revision) else { return }
    let file = "\(folder)/refs/\(revision)"
    try Self.makeFolder((file as NSString).deletingLastPathComponent)
    try Self.putInPlace(file) { temporary throws(InputError) in
      let bytes = Array(commit.utf8)
      try OutputFile(creating: temporary, byteCount: bytes.count).write(bytes, at: 0)
    }
  }

  /// Gives a blob the name of a file in a commit, as a link from one to the other.
  func link(_ file: RemoteFile, in commit: String) throws(InputError) {
    var place = "\(folder)/snapshots/\(commit)"
    var target = "../../blobs/\(file.digest.text)"
    try Self.makeFolder(place)
    let names = file.path.split(separator: "/").map(String.init)
    for name in names.dropLast() {
      place += "/" + name
      target = "../" + target
      if mkdir(place, 0o777) != 0 {
        try OutputFile.require(errno == EEXIST, place, "cannot be made")
        // A link would put the files somewhere else.
        guard FileStatus(path: place, followingLinks: false)?.isFolder == true else {
          throw InputError(.unwritable, source: place, "is no folder; remove it")
        }
      }
    }
    place += "/" + (names.last ?? "")
    if (try? FileManager.default.destinationOfSymbolicLink(atPath: place)) == target { return }
    try Self.putInPlace(place) { temporary throws(InputError) in
      try OutputFile.require(symlink(target, temporary) == 0, temporary, "cannot be made")
    }
  }

  /// Makes something beside its place and puts it there, so that whoever looks sees what was there or what comes.
  private static func putInPlace(
    _ place: String, _ make: (_ temporary: String) throws(InputError) -> Void
  ) throws(InputError) {
    let temporary = "\(place).\(UUID().uuidString.lowercased().prefix(8)).tmp"
    do throws(InputError) {
      try make(temporary)
      try OutputFile.require(rename(temporary, place) == 0, place, "cannot be replaced")
    } catch {
      unlink(temporary)
      throw error
    }
  }
}
