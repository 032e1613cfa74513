public import Diagnostics
public import Foundation
public import JSONText
public import Tensors

/// A Hugging Face checkpoint folder: `config.json`, and the tensors in `model.safetensors` or in
/// the shards that `model.safetensors.index.json` names.
///
/// Opening reads configuration, index and headers, and checks them against each other and against
/// the files' sizes. Tensors are views of the mapped files; those that are stored in small floats with scales
/// (``widened``) are made anew when they are read.
public struct Checkpoint: TensorSource, Sendable {
  /// Where the checkpoint is.
  public let folder: URL
  /// The content of `config.json`, an object; of weights that are widened, without `quantization_config`.
  public let configuration: JSONValue
  /// The names of all tensors: file after file by name, in each in the order of their bytes. Weights that are widened
  /// are called as in full precision, and their scales are none.
  public let tensorNames: [String]
  /// The files besides configuration and tensors that a changed copy of the model needs as well:
  /// tokenizer, chat templates, generation settings, code that the configuration refers to, and
  /// the license. Sorted by name; may include the folder `additional_chat_templates`.
  public let otherFiles: [URL]
  /// What is wrong with the index and the files beside it, but does no harm to what is read.
  package let remarks: [String]

  /// The weights that are stored in small floats; nil for a checkpoint that is read as it is.
  package let widened: WidenedWeights?

  /// The tensors as they are stored.
  let stored: FileTensors
  var files: [SafetensorsFile] { stored.files }

  /// Opens a checkpoint.
  ///
  /// - Throws: `InputError` naming the file and, where one is to blame, the tensor; so for links that lead out
  ///   of the folder, other than to the blobs of the hub's cache.
  public init(opening folder: URL) throws(InputError) {
    guard let status = FileStatus(path: folder.path) else {
      throw InputError(.unreadable, source: folder.path, "there is no such folder")
    }
    guard status.isFolder else {
      throw InputError(
        .unreadable, source: folder.path,
        "is a file; expected the folder of a checkpoint, with config.json and model.safetensors")
    }
    self.folder = folder
    let bounds = FolderBounds(folder)
    let written = try Self.readConfiguration(folder, bounds)
    let found = try Self.openFiles(folder, bounds)
    let stored = try FileTensors(found.files)
    self.stored = stored
    remarks = found.remarks
    otherFiles = try Self.findOtherFiles(folder)
    for file in otherFiles {
      try bounds.require(file)
      for copy in Self.copies(of: file) { try bounds.require(folder.appending(path: copy.name)) }
    }

    let widened = try naming(folder.appending(path: Self.configurationFile).path) {
      () throws(InputError) in
      try WidenedWeights(JSONReader(written), stored)
    }
    self.widened = widened
    guard let widened else {
      (configuration, tensorNames) = (written, stored.names)
      return
    }
    configuration = written.removing("quantization_config")
    let names = Dictionary(
      widened.tensors.map { ($0.value.codes, $0.key) }, uniquingKeysWith: { first, _ in first })
    tensorNames = stored.names.compactMap { name in
      names[name] ?? (widened.parts.contains(name) ? nil : name)
    }
  }

  /// The shapes of all tensors, by name.
  package var tensorShapes: [String: [Int]] {
    Dictionary(
      tensorNames.compactMap(info).map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
  }

  /// Whether there is a tensor with this name.
  public func contains(_ name: String) -> Bool { info(name) != nil }

  /// Type and shape of a tensor, or nil if there is none with this name.
  public func info(_ name: String) -> TensorInfo? {
    if let widened {
      if let tensor = widened.tensors[name] { return tensor.info }
      if widened.parts.contains(name) { return nil }
    }
    return stored.info(name)
  }

  /// Bytes of all tensors in files.
  public var byteCount: Int {
    files.reduce(0) { total, file in
      total + file.entries.reduce(0) { $0 + $1.byteRange.count }
    }
  }

  /// A tensor: a view of its file, or what is made of small floats there.
  ///
  /// - Throws: `InputError` of code `missing` if there is none with this name; `notFinite` for small floats or scales
  ///   that are no numbers.
  public func tensor(_ name: String) throws(InputError) -> Tensor {
    if let widened = widened?.tensors[name] { return try widened.read(from: stored) }
    guard contains(name) else { throw missing(name) }
    return try stored.tensor(name)
  }

  private func missing(_ name: String) -> InputError {
    InputError(
      .missing, source: folder.path, place: place(ofTensor: name),
      "is not in this checkpoint of \(tensorNames.count) tensors")
  }

  /// A tensor of numbers, as ``tensor(_:)`` gives it.
  ///
  /// - Throws: `InputError` of code `missing` if there is none with this name; of code `malformed`
  ///   if its shape is another, or if its elements are not f64, f32, f16 or bf16.
  public func tensor(_ name: String, shape: [Int]) throws(InputError) -> Tensor {
    try requireTensor(name, shape: shape)
    return try tensor(name)
  }

  /// Checks without reading it that there is a tensor of numbers with this name and shape.
  ///
  /// - Throws: What ``tensor(_:shape:)`` throws.
  package func requireTensor(_ name: String, shape: [Int]) throws(InputError) {
    guard let info = info(name) else { throw missing(name) }
    guard info.shape == shape, info.dtype.isFloatingPoint else {
      throw mismatch(info, expected: "floating-point elements of shape \(shape)")
    }
  }

  /// A tensor of exactly this type and shape.
  ///
  /// - Throws: `InputError` of code `missing` if there is none with this name; of code `malformed`
  ///   if its type or shape is another.
  public func tensor(_ name: String, shape: [Int], dtype: DType) throws(InputError) -> Tensor {
    guard let info = info(name) else { throw missing(name) }
    guard info.shape == shape, info.dtype == dtype else {
      throw mismatch(info, expected: "\(dtype.rawValue) elements of shape \(shape)")
    }
    return try tensor(name)
  }

  /// Gives the memory of what was read from the files back to the system, which reads it again if it
  /// is used again.
  package func releasePages() { for file in files { file.releasePages() } }

  /// The files of tensors that have been written to since they were opened.
  package var changedFiles: [String] {
    files.filter(\.isChanged).map(\.url.lastPathComponent)
  }

  /// The file that holds a tensor; the folder if none does.
  package func file(of name: String) -> URL {
    stored.file(of: widened?.tensors[name]?.codes ?? name)?.url ?? folder
  }

  private func mismatch(_ tensor: TensorInfo, expected: String) -> InputError {
    InputError(
      .malformed, source: file(of: tensor.name).path, place: place(ofTensor: tensor.name),
      "has \(tensor.dtype.rawValue) elements of shape \(tensor.shape), expected \(expected)")
  }

  // MARK: Opening

  /// The name of the configuration.
  static let configurationFile = "config.json"

  private static func readConfiguration(
    _ folder: URL, _ bounds: FolderBounds
  ) throws(InputError) -> JSONValue {
    let file = folder.appending(path: configurationFile)
    // What is there and cannot be reached is not missing.
    guard FileStatus(path: file.path) != nil || errno != ENOENT else {
      throw InputError(
        .missing, source: folder.path,
        "there is no config.json; expected the folder of a Hugging Face checkpoint")
    }
    try bounds.require(file)
    let value = try JSONValue.parse(contentsOf: file, limit: configurationByteCountLimit)
    guard value.objectValue != nil else {
      throw InputError(.malformed, source: file.path, "is not a JSON object")
    }
    return value
  }

  static func noWeights(in folder: URL) -> InputError {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.sorted() ?? []
    if let other = names.first(where: { name in
      [".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack"].contains { name.hasSuffix($0) }
    }) {
      return InputError(
        .unsupported, source: folder.path,
        "its weights are in \(quoted(other)); only safetensors files are read")
    }
    let hint =
      names.contains { $0.hasSuffix(".safetensors") } ? ", which other files would need" : ""
    return InputError(
      .missing, source: folder.path,
      "there is neither model.safetensors nor \(ShardIndex.fileName)\(hint)")
  }
}
