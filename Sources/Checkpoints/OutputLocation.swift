import Diagnostics
import Foundation
import Tensors

/// Where a checkpoint is to be: a folder that does not exist yet, or one that is to be replaced.
struct OutputLocation {
  /// The folder's path, with all links on the way resolved.
  let path: String
  private let mayReplace: Bool
  /// The folder beside it that collects the files until all are complete.
  var partialPath: String { path + ".partial" }
  /// The folder that holds both.
  var parentPath: String { Self.parent(of: path) }

  /// Finds the folder and checks that writing there does no harm.
  ///
  /// - Throws: `InputError` of code `unwritable` if the folder around it does not exist, or if one of
  ///   `sources` and the output are the same folder or one inside the other.
  init(_ output: URL, sources: [URL], overwrite: Bool) throws(InputError) {
    path = try Self.resolve(output.absoluteURL.path)
    mayReplace = overwrite
    try checkApart(from: sources)
  }

  /// Checks that there is nothing at the path, or a checkpoint that may be replaced.
  ///
  /// - Returns: Whether there is one.
  @discardableResult
  func checkReplaceable() throws(InputError) -> Bool {
    func failure(_ message: String) -> InputError {
      InputError(.unwritable, source: path, message)
    }
    guard let status = FileStatus(path: path, followingLinks: false) else { return false }
    guard status.isFolder else { throw failure("is a file; expected a folder to create") }
    guard mayReplace else {
      throw failure("exists already; choose another output, or ask for it to be overwritten")
    }
    if let reason = ReplaceableFolder(path).objection {
      throw failure("\(reason), so it is not overwritten")
    }
    return true
  }

  private static func resolve(_ given: String) throws(InputError) -> String {
    if let existing = realPath(given) { return existing }
    let name = (given as NSString).lastPathComponent
    guard FileStatus(path: given, followingLinks: false) == nil else {
      throw InputError(.unwritable, source: given, "is a link that leads nowhere")
    }
    guard !["", ".", "..", "/"].contains(name), let parent = realPath(parent(of: given)),
      FileStatus(path: parent)?.isFolder == true
    else {
      throw InputError(
        .unwritable, source: given, "the folder that is to hold it does not exist")
    }
    return parent == "/" ? "/" + name : parent + "/" + name
  }

  /// Compares files rather than paths: one folder may have several, by mounts or by letter case.
  private func checkApart(from sources: [URL]) throws(InputError) {
    let aroundOutput = Self.foldersFromRoot(to: path)
    for source in sources {
      guard let source = Self.realPath(source.path), let status = FileStatus(path: source) else {
        continue
      }
      if aroundOutput.contains(status.identity) {
        throw InputError(
          .unwritable, source: path,
          "is the same folder as the input \(source), or inside it; choose an output beside it")
      }
      let aroundSource = Self.foldersFromRoot(to: source)
      for target in [path, partialPath] {
        if let target = FileStatus(path: target), aroundSource.contains(target.identity) {
          throw InputError(
            .unwritable, source: path,
            "writing it would replace the folder that holds the input \(source)")
        }
      }
    }
  }

  static func foldersFromRoot(to path: String) -> Set<FileStatus.Identity> {
    var identities: Set<FileStatus.Identity> = []
    var path = path
    while true {
      if let status = FileStatus(path: path) { identities.insert(status.identity) }
      if path == "/" { return identities }
      path = parent(of: path)
    }
  }

  static func parent(of path: String) -> String {
    let parent = (path as NSString).deletingLastPathComponent
    return parent.isEmpty ? path.hasPrefix("/") ? "/" : "." : parent
  }

  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
