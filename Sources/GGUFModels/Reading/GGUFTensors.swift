package import Checkpoints
package import Diagnostics
package import Foundation
package import GGUF
package import Tensors

/// The tensors of a file under the names that the model's family has for them: experts are taken out of their stacks, rows
/// and numbers are as they were, and blocks are decoded to f32 when a tensor is asked for.
package struct GGUFTensors: Sendable {
  package let storage: SourceStorage
  package let names: [String]
  package let file: GGUFFile
  private let places: [String: Place]

  private struct Place: Sendable {
    let outline: GGUFTensorOutline
    let info: TensorInfo
    let type: GGUFTensorType
    /// Which slice of a stack it is.
    let member: Int?

    /// Whether the elements are those of the file, where they lie.
    var isPlain: Bool { type.isPlain && outline.isUnchanged }
  }

  /// - Parameters:
  ///   - outlines: What the tensors of the file are made of. Others are not read.
  /// - Throws: `missing`, `malformed` or `unsupported` for a tensor that the file does not have, or has otherwise.
  package init(_ file: GGUFFile, _ outlines: [GGUFTensorOutline]) throws(InputError) {
    self.file = file
    var places: [String: Place] = [:]
    var names: [String] = []
    let byName = Dictionary(outlines.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    for outline in outlines where file.info(outline.name) == nil {
      throw InputError(
        .missing, source: file.url.path, place: "tensor \(quoted(outline.name))",
        "is missing; expected one of shape \(outline.shape)")
    }
    var (tensorCount, weightCount, byteCount) = (0, 0, 0)
    for info in file.tensors {
      guard let outline = byName[info.name], case .tensors(let sources, let shape) = outline.content
      else { continue }
      func failure(_ code: InputError.Code, _ message: String) -> InputError {
        InputError(
          code, source: file.url.path, place: "tensor \(quoted(info.name))", message)
      }
      guard info.shape == outline.shape else {
        throw failure(.malformed, "has shape \(info.shape), expected \(outline.shape)")
      }
      let dtype: DType
      if case .plain(let own) = info.type.storage {
        guard DType.ofWeights.contains(own) else {
          throw failure(.unsupported, "has elements of type \(info.type.name), expected floats")
        }
        dtype = outline.function == .none ? own : .float32
      } else {
        dtype = .float32
        tensorCount += 1
        weightCount += info.shape.reduce(1, *)
        byteCount += info.byteCount
      }
      for (index, name) in sources.enumerated() {
        places[name] = Place(
          outline: outline, info: TensorInfo(name: name, dtype: dtype, shape: shape),
          type: info.type, member: sources.count > 1 ? index : nil)
        names.append(name)
      }
    }
    (self.places, self.names) = (places, names)
    let types = Dictionary(grouping: file.tensors.filter { !$0.type.isPlain }, by: \.type)
      .sorted { ($1.value.count, $0.key.rawValue) < ($0.value.count, $1.key.rawValue) }
    storage = SourceStorage(
      method: "gguf",
      text: types.isEmpty
        ? "a file of llama.cpp"
        : "a file of llama.cpp (\(types.map(\.key.name).joined(separator: ", ")))",
      dtypes: [.float32], tensorCount: tensorCount, weightCount: weightCount, byteCount: byteCount)
  }

  /// How a matrix is stored, if that is in blocks.
  ///
  /// - Returns: The type of the blocks, what the file calls the tensor, and whether the model has the same blocks, though
  ///   rows and blocks may be in another order.
  package func blocks(
    of name: String
  ) -> (type: GGUFTensorType, tensor: String, areWhole: Bool)? {
    guard let place = places[name], !place.type.isPlain, place.info.shape.count == 2 else {
      return nil
    }
    let order = place.outline.columns.ofRuns(place.type.blockSize)
    return (
      place.type, place.outline.name, order != nil && place.outline.function == .none
    )
  }

  /// The blocks of a matrix in the order that the model has: `[rows, bytes of a row]`.
  ///
  /// - Precondition: They are whole.
  /// - Throws: `notFinite` for blocks of numbers that are infinite or NaN.
  package func storedBlocks(of name: String) throws(InputError) -> Tensor {
    guard let place = places[name], let columns = place.outline.columns.ofRuns(place.type.blockSize)
    else { preconditionFailure("\(name) has no blocks of its own") }
    let stored = try stored(place)
    if let first = place.type.firstNonFinite(in: stored) {
      throw InputError(
        .notFinite, source: file.url.path, place: "tensor \(quoted(place.outline.name))",
        "element \(first) is infinite or NaN")
    }
    let shape = [place.info.shape[0], stored.count / max(place.info.shape[0], 1)]
    guard !place.outline.isUnchanged else { return stored.reshaped(shape) }
    var bytes = stored.elements(as: UInt8.self)
    if columns != .asStored {
      bytes = stride(from: 0, to: bytes.count, by: shape[1]).flatMap {
        columns.undone(in: Array(bytes[$0..<$0 + shape[1]]), perRow: place.type.blockByteCount)
      }
    }
    bytes = place.outline.rows.undone(in: bytes, perRow: shape[1])
    return Tensor(bytes: bytes, shape: shape, dtype: .uint8)
  }

  /// The numbers of a tensor, a row at a time.
  package func rows(of name: String) throws(InputError) -> GGUFRows {
    guard let place = places[name] else { preconditionFailure("\(name) is not in the file") }
    guard place.info.shape.count == 2 else { return GGUFRows(numbers: try numbers(of: place)) }
    return GGUFRows(
      stored: try stored(place), place.type, place.outline, shape: place.info.shape)
  }

  private func stored(_ place: Place) throws(InputError) -> Tensor {
    TensorPlace(tensor: place.outline.name, index: place.member)
      .slice(of: try file.stored(place.outline.name))
  }

  private func numbers(of place: Place) throws(InputError) -> Tensor {
    let tensor = place.type.numbers(try stored(place))
    guard !place.isPlain else { return tensor.reshaped(place.info.shape) }
    let outline = place.outline
    let numbers = outline.undone(in: tensor.floats(), shape: place.info.shape)
    guard outline.function == .none || numbers.allSatisfy(\.isFinite) else {
      throw InputError(
        .notFinite, source: file.url.path, place: "tensor \(quoted(outline.name))",
        "has an element that no number of the model becomes")
    }
    let result = Tensor(numbers, shape: place.info.shape)
    return place.info.dtype == .float32 ? result : result.converted(to: place.info.dtype)
  }
}

extension GGUFTensors: MadeTensors {
  package func info(_ name: String) -> TensorInfo? { places[name]?.info }

  package func takesMemory(_ name: String) -> Bool { places[name].map { !$0.isPlain } ?? false }

  package func hasRowForEachOutput(_ name: String) -> Bool { places[name]?.info.shape.count == 2 }

  package func read(_ name: String, member: Int?) throws(InputError) -> Tensor {
    guard let place = places[name] else { preconditionFailure("\(name) is not in the file") }
    return TensorPlace(tensor: name, index: member).slice(of: try numbers(of: place))
  }

  package func file(of name: String) -> URL? { places[name] == nil ? nil : file.url }

  package func requireFinite(_ proceed: () throws -> Void) throws {
    for info in file.tensors {
      try proceed()
      try file.requireFinite(info)
    }
  }

  package var ownFiles: [any TensorFile] { [file] }
}
