import Diagnostics
import Foundation
import JSONText
import Tensors

/// The weights of a checkpoint that was published in small floats: each is read as the numbers that it stands for, in
/// the type that the configuration names, and the checkpoint is like one in full precision then.
///
/// | `quant_method` | a weight `w` is stored as |
/// |---|---|
/// | `fp8` with `weight_block_size` | `w` in e4m3, and `w_scale_inv`, one number for each block |
/// | `fp8` without it | `w` in e4m3, and `w_scale_inv` or `w_scale`, one number for each matrix |
/// | `mxfp4` | `w_blocks` with two e2m1 codes in a byte, and `w_scales` with an exponent for each 32 of them |
struct WidenedWeights {
  let storage: SourceStorage
  let names: [String]
  private let files: FileTensors
  /// What is read, by name.
  private let tensors: [String: WidenedTensor]
  /// The tensors in files that are parts of these, and have other names.
  private let parts: Set<String>

  /// Reads what a configuration says of its `quantization_config`; nil for one that speaks of no such weights.
  ///
  /// - Throws: `InputError` without a source where the configuration is at fault; where tensors are, with their file.
  init?(_ configuration: JSONReader, _ files: FileTensors) throws(InputError) {
    guard let fields = try configuration.optional("quantization_config"),
      let method = fields.value["quant_method"]?.stringValue
    else { return nil }
    var table = WidenedTable(files, dtype: .bfloat16)
    let text: String
    switch method {
    case "fp8":
      table.dtype = try .ofModel(configuration)
      var block: (rows: Int, columns: Int)?
      if let size = try fields.optional("weight_block_size") {
        let sizes = try size.elements()
        guard sizes.count == 2 else { throw size.mismatch("the rows and columns of a block") }
        block = (try sizes[0].int(in: 1...1 << 31), try sizes[1].int(in: 1...1 << 31))
      }
      if let format = try fields.optional("fmt"), try format.string() != "e4m3" {
        throw InputError(
          .unsupported, place: format.path,
          "found \(quoted(try format.string())), supported is e4m3")
      }
      try table.addFloats(block)
      text =
        "fp8 (e4m3), a scale for each " + (block.map { "\($0.rows) x \($0.columns)" } ?? "matrix")
    case "mxfp4":
      table.dtype = try .ofModel(configuration)
      try table.addGroups()
      text = "mxfp4 (e2m1), a scale for each 32"
    default: return nil
    }
    guard !table.tensors.isEmpty else {
      throw InputError(
        .malformed, place: fields.path,
        "says that weights are \(method), and no tensor is; remove it from the configuration of a checkpoint in "
          + "full precision")
    }
    let (tensors, parts) = (table.tensors, table.parts)
    (self.files, self.tensors, self.parts) = (files, tensors, parts)
    storage = SourceStorage(
      method: method, text: text, dtypes: [table.dtype], tensorCount: tensors.count,
      weightCount: tensors.values.reduce(0) { $0 + $1.info.count },
      byteCount: tensors.values.flatMap { [$0.codes, $0.scales] }
        .reduce(0) { $0 + (files.info($1)?.byteCount ?? 0) })
    let made = Dictionary(
      tensors.map { ($0.value.codes, $0.key) }, uniquingKeysWith: { first, _ in first })
    names = files.names.compactMap { made[$0] ?? (parts.contains($0) ? nil : $0) }
  }
}

extension WidenedWeights: MadeTensors {
  func info(_ name: String) -> TensorInfo? { tensors[name]?.info }

  func hides(_ stored: String) -> Bool { parts.contains(stored) }

  func read(_ name: String, member: Int?) throws(InputError) -> Tensor {
    guard let tensor = tensors[name] else { preconditionFailure("\(name) is not widened") }
    return try tensor.read(from: files, member: member)
  }

  func file(of name: String) -> URL? {
    tensors[name].flatMap { files.file(of: $0.codes)?.url }
  }

  func requireFinite(_ proceed: () throws -> Void) throws {
    for (_, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      try tensor.requireFiniteScales(files)
    }
  }
}

/// What the tensors in files stand for, while they are gone through.
private struct WidenedTable {
  let files: FileTensors
  var dtype: DType
  var tensors: [String: WidenedTensor] = [:]
  var parts: Set<String> = []

  init(_ files: FileTensors, dtype: DType) { (self.files, self.dtype) = (files, dtype) }

  /// Adds what is stored in e4m3 with scales of blocks, or of matrices where there is no block.
  mutating func addFloats(_ block: (rows: Int, columns: Int)?) throws(InputError) {
    // The scale of a matrix is called so as well.
    let suffixes = ["_scale_inv"] + (block == nil ? ["weight_scale"] : [])
    for name in files.names {
      guard let info = files.info(name) else { continue }
      if block == nil, isScaleOfInputs(name) {
        parts.insert(name)
      } else if let suffix = suffixes.first(where: name.hasSuffix) {
        let weight = String(name.dropLast(suffix == "weight_scale" ? 6 : suffix.count))
        guard let dtype = files.info(weight)?.dtype else {
          throw files.failure(
            .missing, name, "holds scales of \(quoted(weight)), which is not there")
        }
        guard dtype == .float8E4M3 else {
          throw files.failure(
            .malformed, weight,
            "has elements of type \(dtype.rawValue) and scales beside it, expected f8e4m3")
        }
        parts.insert(name)
      } else if info.dtype == .float8E4M3 {
        let names = [name + "_scale_inv"] + (block == nil ? [name + "_scale"] : [])
        guard let scales = names.first(where: { files.info($0) != nil }),
          let found = files.info(scales)
        else {
          throw files.failure(
            .missing, name,
            "has elements of type f8e4m3 without scales: there is no \(quoted(names[0]))")
        }
        guard info.shape.count >= 2 else {
          throw files.failure(
            .malformed, name, "has shape \(info.shape), expected rows and columns beside scales")
        }
        let (first, last) = (Array(info.shape.dropLast(2)), Array(info.shape.suffix(2)))
        let (rows, columns) = block ?? (max(last[0], 1), max(last[1], 1))
        let shape =
          first + [WidenedTensor.blocks(last[0], rows), WidenedTensor.blocks(last[1], columns)]
        // One number may have no dimensions, or one.
        let isOfMatrices =
          block == nil && [first, first.isEmpty ? [1] : first].contains(found.shape)
        guard found.shape == shape || isOfMatrices, DType.ofWeights.contains(found.dtype) else {
          throw files.failure(
            .malformed, scales,
            "is \(found.dtype.rawValue) \(found.shape), expected f32 or bf16 \(shape) for \(info.shape) in blocks "
              + "of \(rows) x \(columns)")
        }
        try add(
          name, info.shape, codes: name, scales: scales, .blocks(rows: rows, columns: columns))
      }
    }
  }

  /// Whether a tensor is the scale of what a layer in e4m3 reads, by one of the names that writers give it.
  private func isScaleOfInputs(_ name: String) -> Bool {
    ["input_scale", "activation_scale"].contains { suffix in
      name.hasSuffix(".\(suffix)")
        && files.info("\(name.dropLast(suffix.count))weight")?.dtype == .float8E4M3
    }
  }

  /// Adds what is stored in e2m1 with an exponent for each 32.
  mutating func addGroups() throws(InputError) {
    let (ofCodes, ofScales) = ("_blocks", "_scales")
    for name in files.names {
      guard let info = files.info(name) else { continue }
      if name.hasSuffix(ofScales) {
        let codes = String(name.dropLast(ofScales.count)) + ofCodes
        guard files.info(codes) != nil else {
          throw files.failure(
            .missing, name, "holds scales of \(quoted(codes)), which is not there")
        }
        parts.insert(name)
      } else if name.hasSuffix(ofCodes) {
        let dense = String(name.dropLast(ofCodes.count))
        let scales = dense + ofScales
        guard let found = files.info(scales) else {
          throw files.failure(
            .missing, name, "holds codes without scales: there is no \(quoted(scales))")
        }
        let sizes = info.shape
        guard info.dtype == .uint8, sizes.count == 4, sizes[3] == 16 else {
          throw files.failure(
            .malformed, name,
            "is \(info.dtype.rawValue) \(sizes), expected u8 [experts, outputs, inputs / 32, 16]")
        }
        guard found.dtype == .uint8, found.shape == Array(sizes.dropLast()) else {
          throw files.failure(
            .malformed, scales,
            "is \(found.dtype.rawValue) \(found.shape), expected u8 \(Array(sizes.dropLast())) beside \(quoted(name))"
          )
        }
        guard files.info(dense) == nil else {
          throw files.failure(.malformed, dense, "is in the checkpoint as \(quoted(name)) as well")
        }
        let (inputs, overflows) = sizes[2].multipliedReportingOverflow(by: 32)
        guard !overflows else { throw tooLarge(name) }
        parts.insert(name)
        try add(dense, [sizes[0], inputs, sizes[1]], codes: name, scales: scales, .turnedGroups)
      }
    }
  }

  private mutating func add(
    _ name: String, _ shape: [Int], codes: String, scales: String, _ storage: WidenedTensor.Storage
  ) throws(InputError) {
    guard dtype.byteCount(ofShape: shape) != nil else { throw tooLarge(codes) }
    tensors[name] = WidenedTensor(
      info: TensorInfo(name: name, dtype: dtype, shape: shape), codes: codes, scales: scales,
      storage: storage)
  }

  private func tooLarge(_ name: String) -> InputError {
    files.failure(.malformed, name, "stands for more numbers than can be counted")
  }
}
