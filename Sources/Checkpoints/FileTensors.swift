import Diagnostics
import Foundation
import Tensors

/// The tensors of a checkpoint's files by name, as they are stored.
struct FileTensors: Sendable {
  let files: [SafetensorsFile]
  /// File after file by name, in each in the order of their bytes.
  let names: [String]
  private let fileOfTensor: [String: Int]

  /// None.
  init() { (files, names, fileOfTensor) = ([], [], [:]) }

  /// - Throws: `malformed` for a tensor that two files have.
  init(_ files: [SafetensorsFile]) throws(InputError) {
    var names: [String] = []
    var fileOfTensor: [String: Int] = [:]
    for (index, file) in files.enumerated() {
      for entry in file.entries {
        if let other = fileOfTensor.updateValue(index, forKey: entry.name) {
          throw InputError(
            .malformed, source: file.url.path, place: place(ofTensor: entry.name),
            "is in \(quoted(files[other].url.lastPathComponent)) as well")
        }
        names.append(entry.name)
      }
    }
    (self.files, self.names, self.fileOfTensor) = (files, names, fileOfTensor)
  }

  /// The file that holds a tensor; nil if none does.
  func file(of name: String) -> SafetensorsFile? { fileOfTensor[name].map { files[$0] } }

  func info(_ name: String) -> TensorInfo? { file(of: name)?.entry(name)?.info }

  /// A tensor that there is, as a view of its file.
  func tensor(_ name: String) throws(InputError) -> Tensor {
    guard let file = file(of: name) else { preconditionFailure("\(name) is in no file") }
    return try file.tensor(name)
  }

  /// An error about a tensor, with its file.
  func failure(_ code: InputError.Code, _ name: String, _ message: String) -> InputError {
    InputError(code, source: file(of: name)?.url.path, place: place(ofTensor: name), message)
  }
}
