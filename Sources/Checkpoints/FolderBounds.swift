import Diagnostics
import Foundation

/// The files that belong to a checkpoint's folder: those in it, and those of the hub's cache that it links to.
///
/// What is read may be copied into an output that is made to be passed on, so that a link to a file of the
/// user's own must not be followed.
struct FolderBounds {
  private let roots: [String]

  init(_ folder: URL) {
    let path = OutputLocation.realPath(folder.path) ?? folder.path
    var roots = [path]
    // The hub's client has models--<owner>--<name>/snapshots/<revision>/<file> -> ../../blobs/<digest>.
    let snapshots = (path as NSString).deletingLastPathComponent as NSString
    if snapshots.lastPathComponent == "snapshots" {
      roots.append(snapshots.deletingLastPathComponent + "/blobs")
    }
    self.roots = roots.map { $0.hasSuffix("/") ? $0 : $0 + "/" }
  }

  /// Refuses a link that leads elsewhere. What does not exist is for whoever opens it.
  func require(_ file: URL) throws(InputError) {
    guard let path = OutputLocation.realPath(file.path),
      !roots.contains(where: { path.hasPrefix($0) })
    else { return }
    throw InputError(
      .unreadable, source: file.path,
      "is a link to \(quoted(path)), outside of the checkpoint's folder, and is not followed; put the "
        + "file itself there")
  }
}
