import Checkpoints
package import Diagnostics
package import Foundation

/// Which files of a model are downloaded: what this program reads or copies, and no weights in other forms.
package struct NeededFiles: Sendable {
  /// Configuration, tokenizer and what else goes with a model; also the index of the weights.
  package let beside: [RemoteFile]
  private let all: [String: RemoteFile]
  private let model: String

  /// Chooses from a model's files.
  ///
  /// - Throws: `InputError` if a path occurs twice, or if there is no configuration or are no safetensors.
  package init(of files: [RemoteFile], model: String) throws(InputError) {
    self.model = model
    var all: [String: RemoteFile] = [:]
    for file in files {
      guard all.updateValue(file, forKey: file.path) == nil else {
        throw InputError(
          .malformed, source: model, "the hub lists the file \(quoted(file.path)) twice")
      }
    }
    self.all = all
    guard all["config.json"] != nil else {
      throw InputError(
        .unsupported, source: model,
        "has no config.json; expected a model in the form of transformers")
    }
    let index = all[Self.single] == nil ? all[ShardIndex.fileName] : nil
    guard index != nil || all[Self.single] != nil else {
      let other = files.map(\.path).filter { path in
        [".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"].contains {
          path.hasSuffix($0)
        }
      }.min()
      throw InputError(
        .unsupported, source: model,
        other.map { "its weights are in \(quoted($0)); only safetensors files are read" }
          ?? "has neither \(Self.single) nor \(ShardIndex.fileName)")
    }
    beside =
      (files.filter { Self.goesWithModel($0.path) } + [index].compactMap(\.self))
      .sorted { $0.path < $1.path }
  }

  private static let single = "model.safetensors"

  private static func goesWithModel(_ path: String) -> Bool {
    let names = path.split(separator: "/")
    if names.count == 2 {
      return names[0] == Checkpoint.templateFolder && names[1].hasSuffix(".jinja")
    }
    return names.count == 1
      && (path == "config.json" || path == "README.md"
        || Checkpoint.isCarriedAlong(path) && !path.hasSuffix(".safetensors"))
  }

  /// The files of the weights.
  ///
  /// - Parameter index: The bytes of the index, where there is one among ``beside``.
  package func weights(index: [UInt8]?) throws(InputError) -> [RemoteFile] {
    guard let index else { return [all[Self.single]].compactMap(\.self) }
    let names = try naming("\(model): \(ShardIndex.fileName)") { () throws(InputError) in
      try ShardIndex(json: index).shardNames
    }
    var files: [RemoteFile] = []
    for name in names {
      guard let file = all[name] else {
        throw InputError(
          .missing, source: model, "has no file \(quoted(name)), which its index names")
      }
      files.append(file)
    }
    return files
  }

  /// Whether a folder has a model's configuration and all of its weights.
  ///
  /// Weights are downloaded after all other files, so that whoever has them has those too.
  package static func areAll(in folder: URL) -> Bool {
    func isThere(_ name: String) -> Bool {
      access(folder.appending(path: name).path, F_OK) == 0
    }
    guard isThere("config.json") else { return false }
    if isThere(single) { return true }
    let index = folder.appending(path: ShardIndex.fileName)
    guard let bytes = try? readFile(index.path, limit: indexByteCountLimit),
      let names = try? ShardIndex(json: bytes).shardNames, !names.isEmpty
    else { return false }
    return !names.contains { !isThere($0) }
  }

  /// The most bytes of an index that are read.
  static let indexByteCountLimit = 256 << 20
}
