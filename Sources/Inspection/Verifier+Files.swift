import Checkpoints
package import Diagnostics
package import Foundation
package import GGUFModels
package import Verification

extension Verifier {
  /// Refuses a place where there is neither a folder nor a file of llama.cpp.
  package static func requireSource(at location: URL) throws(InputError) {
    var isFolder: ObjCBool = false
    let path = location.path(percentEncoded: false)
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      return
    }
    guard try GGUFModel.file(at: location) == nil else { return }
    throw InputError(.unreadable, source: path, "there is no such folder")
  }

  /// A verifier of a checkpoint beside what it was made from: another one, or a file of llama.cpp.
  ///
  /// - Parameter reach: What is known of the run that wrote the checkpoint; nil: what its report says.
  /// - Throws: What opening such a file throws.
  package init(
    _ folder: URL, madeFrom source: URL?, reach: TuningReach? = nil
  ) throws(InputError) {
    guard let source, let file = try GGUFModel.file(at: source) else {
      self.init(folder, source: source, reach: reach)
      return
    }
    let tensors = try GGUFModel(opening: file).tensors
    var read: [SourceTensor] = []
    for info in tensors.names.compactMap(tensors.info) {
      read.append(
        SourceTensor(
          info.name, rows: try tensors.rows(of: info.name), dtype: info.dtype.safetensorsTag,
          shape: info.shape))
    }
    self.init(folder, source: source, reach: reach, tensors: read)
  }
}

extension GGUFRows: NumberRows {
  package func drop(rows: Range<Int>) { releasePages() }
}
