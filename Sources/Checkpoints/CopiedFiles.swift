package import Foundation
import Tensors

extension Checkpoint {
  /// What ``CheckpointWriter/copyFile(_:)`` makes of a file or folder: names in the new checkpoint, with
  /// sizes.
  package static func copies(of source: URL) -> [(name: String, byteCount: Int)] {
    let name = source.lastPathComponent
    guard let status = FileStatus(path: source.path) else { return [] }
    guard status.isFolder else { return [(name, status.byteCount)] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: source.path)) ?? []
    return names.sorted().compactMap { inner in
      guard let status = FileStatus(path: source.appending(path: inner).path),
        status.isRegularFile
      else { return nil }
      return ("\(name)/\(inner)", status.byteCount)
    }
  }
}
