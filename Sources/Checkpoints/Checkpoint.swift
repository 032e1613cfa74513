public import Diagnostics
public import Foundation
public import JSONText
public import Tensors

/// A Hugging Face checkpoint folder: `config.json`, and the tensors in `model.safetensors` or in
/// the shards that `model.safetensors.index.json` names.
///
/// Opening reads configuration, index and headers, and checks them against each other and against
/// the files' sizes. Tensors are views of the mapped files; those that are stored in another form than they are read
/// in (``made``) are made anew when they are read.
public struct Checkpoint: TensorSource, Sendable {
  /// Where the checkpoint is: its folder, or the file that all of it is in.
  public let folder: URL
  /// The content of `config.json`, an object; of weights that are made, without what says how they are stored.
  public let configuration: JSONValue
  /// Where the configuration stands, for errors.
  package let configurationFile: URL
  /// The names of all tensors: file after file by name, in each in the order of their bytes. Weights that are made
  /// are called as in full precision, and what they are made of has no names.
  public let tensorNames: [String]
  /// The files besides configuration and tensors that a changed copy of the model needs as well:
  /// tokenizer, chat templates, generation settings, code that the configuration refers to, and
  /// the license. Sorted by name; may include the folder `additional_chat_templates`.
  public let otherFiles: [URL]
  /// Such files that are not there and were made of something else.
  package let documents: [Document]
  /// What is wrong with the index and the files beside it, but does no harm to what is read.
  package let remarks: [String]

  /// The tensors that are stored in another form; nil for a checkpoint that is read as it is.
  package let made: (any MadeTensors)?

  /// The tensors as they are stored.
  let stored: FileTensors
  var files: [SafetensorsFile] { stored.files }

  /// A file as its content.
  package struct Document: Sendable, Equatable {
    package let name: String
    package let text: String

    package init(name: String, text: String) { (self.name, self.text) = (name, text) }
  }

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
    configurationFile = folder.appending(path: Self.configurationName)
    let found = try Self.openFiles(folder, bounds)
    let stored = try FileTensors(found.files)
    self.stored = stored
    (remarks, documents) = (found.remarks, [])
    otherFiles = try Self.findOtherFiles(folder)
    for file in otherFiles {
      try bounds.require(file)
      for copy in Self.copies(of: file) { try bounds.require(folder.appending(path: copy.name)) }
    }

    let widened = try naming(configurationFile.path) { () throws(InputError) in
      try WidenedWeights(JSONReader(written), stored)
    }
    made = widened
    configuration = widened == nil ? written : written.removing("quantization_config")
    tensorNames = widened?.names ?? stored.names
  }

  /// A model that is made of something else than a folder with safetensors.
  ///
  /// - Parameters:
  ///   - location: The file or folder that it is made of.
  ///   - configuration: What `config.json` would say of it, in full precision.
  ///   - tensors: All tensors.
  ///   - documents: Other files of the model, of their own names.
  ///   - remarks: What the user should know of it.
  package init(
    at location: URL, configuration: JSONValue, tensors: any MadeTensors,
    documents: [Document] = [], remarks: [String] = []
  ) {
    (folder, configurationFile, self.configuration) = (location, location, configuration)
    (made, tensorNames, stored) = (tensors, tensors.names, FileTensors())
    (otherFiles, self.documents, self.remarks) = ([], documents, remarks)
  }

  private init(
    _ other: Checkpoint, _ tensors: any MadeTensors, _ configuration: JSONValue, _ remarks: [String]
  ) {
    (folder, configurationFile, self.configuration) = (
      other.folder, other.configurationFile, configuration
    )
    (made, tensorNames, stored) = (tensors, tensors.names, other.stored)
    (otherFiles, documents, self.remarks) = (
      other.otherFiles, other.documents, other.remarks + remarks
    )
  }

  /// The same files, with tensors that are made of them.
  ///
  /// - Parameters:
  ///   - tensors: All tensors that the result has.
  ///   - configuration: What the result's `config.json` says.
  ///   - remarks: What the user should know besides.
  package func reading(
    as tensors: any MadeTensors, configuration: JSONValue, remarks: [String] = []
  ) -> Checkpoint {
    precondition(made == nil, "its tensors are made already")
    return Checkpoint(self, tensors, configuration, remarks)
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
    guard let made else { return stored.info(name) }
    return made.info(name) ?? (made.hides(name) ? nil : stored.info(name))
  }

  /// Bytes of all tensors in files.
  public var byteCount: Int {
    files.reduce(ownFiles.reduce(0) { $0 + $1.tensorByteCount }) { total, file in
      total + file.entries.reduce(0) { $0 + $1.byteRange.count }
    }
  }

  /// A tensor: a view of its file, or what is made of several there.
  ///
  /// - Throws: `InputError` of code `missing` if there is none with this name; `notFinite` for what one is made of
  ///   if that is no numbers.
  public func tensor(_ name: String) throws(InputError) -> Tensor {
    if let made, made.info(name) != nil { return try made.read(name, member: nil) }
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
  package func releasePages() {
    for file in files { file.releasePages() }
    for file in ownFiles { file.releasePages() }
  }

  /// Files besides the safetensors that tensors are made of.
  var ownFiles: [any TensorFile] { made?.ownFiles ?? [] }

  /// The files of tensors that have been written to since they were opened.
  package var changedFiles: [String] {
    (files.filter(\.isChanged).map(\.url) + ownFiles.filter(\.isChanged).map(\.url))
      .map(\.lastPathComponent)
  }

  /// The file that holds a tensor; the folder if none does.
  package func file(of name: String) -> URL {
    made?.file(of: name) ?? stored.file(of: name)?.url ?? folder
  }

  private func mismatch(_ tensor: TensorInfo, expected: String) -> InputError {
    InputError(
      .malformed, source: file(of: tensor.name).path, place: place(ofTensor: tensor.name),
      "has \(tensor.dtype.rawValue) elements of shape \(tensor.shape), expected \(expected)")
  }

  // MARK: Opening

  /// The name of the configuration.
  static let configurationName = "config.json"

  private static func readConfiguration(
    _ folder: URL, _ bounds: FolderBounds
  ) throws(InputError) -> JSONValue {
    let file = folder.appending(path: configurationName)
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
