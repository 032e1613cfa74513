internal import CKernels
import Compute
import MatrixProducts
import Recordings
import Tensors

/// Gradients from products of 8-bit integers; the arithmetic is that of `int8_gradient.h`.
struct Int8LinearGradients: LinearGradients {
  private let shape: LinearShape
  private let offsets: Scratch
  private let inputProduct: MatrixProduct?
  private let weightProduct: MatrixProduct

  /// Where things lie in scratch memory, in bytes from its start. Sums come first: they become dW.
  struct Scratch {
    private var layout = ScratchLayout()
    var byteCount: Int { layout.byteCount }
    /// i32 sums of a product, `[rows, inputs]` and then `[outputs, inputs]`, where dW has to be.
    private(set) var sums = 0
    /// dy `[rows, outputs]`, x `[rows, inputs]` and W `[outputs, inputs]` as integers. x and W are never
    /// needed at the same time.
    private(set) var dy = 0
    private(set) var other = 0
    /// f32 scales of the columns of dy, and of x or W.
    private(set) var dyScales = 0
    private(set) var otherScales = 0
    /// The greatest magnitudes that each thread has seen.
    private(set) var magnitudes = 0

    init(_ shape: LinearShape) {
      let longest = max(shape.rows, shape.outputs)
      let widest = max(shape.inputs, shape.outputs)
      sums = layout.place(longest * shape.inputs * MemoryLayout<Int32>.stride)
      dy = layout.place(shape.rows * shape.outputs)
      other = layout.place(longest * shape.inputs)
      dyScales = layout.place(shape.outputs * MemoryLayout<Float>.stride)
      otherScales = layout.place(shape.inputs * MemoryLayout<Float>.stride)
      magnitudes = layout.place(ThreadTeam.size * widest * MemoryLayout<Float>.stride)
    }
  }

  init(_ shape: LinearShape, inputGradient mode: GradientMode, device: CPUDevice) throws {
    self.shape = shape
    offsets = Scratch(shape)
    inputProduct =
      mode == .none
      ? nil
      : try device.product(
        ProductShape(
          m: shape.rows, n: shape.inputs, k: shape.outputs, input: .int8, output: .int32))
    weightProduct = try device.product(
      ProductShape(
        m: shape.outputs, n: shape.inputs, k: shape.rows, transposesA: true, input: .int8,
        output: .int32))
  }

  func begin(_ dy: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer) {
    quantize(
      dy, stride: shape.outputs, rows: shape.rows, columns: shape.outputs, factors: nil,
      into: scratch + offsets.dy, scales: scratch.floats(at: offsets.dyScales),
      seed: seed(.outputGradient, pass), scratch: scratch)
  }

  /// What is rounded; each kind with random numbers of its own.
  private enum Rounded: UInt32, CaseIterable { case outputGradient, weight, input }

  private func seed(_ rounded: Rounded, _ pass: UInt32) -> UInt32 {
    pass &* UInt32(Rounded.allCases.count) &+ rounded.rawValue
  }

  func inputGradient(
    _ dy: UnsafeRawPointer, weight: UnsafeRawPointer, into target: GradientTarget, pass: UInt32,
    scratch: UnsafeMutableRawPointer
  ) {
    let scales = scratch.floats(at: offsets.otherScales)
    quantize(
      weight, stride: shape.inputs, rows: shape.outputs, columns: shape.inputs,
      factors: scratch.floats(at: offsets.dyScales), into: scratch + offsets.other, scales: scales,
      seed: seed(.weight, pass), scratch: scratch)
    inputProduct?.run(scratch + offsets.dy, scratch + offsets.other, scratch + offsets.sums)
    let sums = (scratch + offsets.sums).assumingMemoryBound(to: Int32.self)
    let (type, columns) = (shape.compute.element, shape.inputs)
    ThreadTeam.forRanges(of: shape.rows) { begin, end in
      ck_scale_sums(
        type, sums, scales, target.pointer, target.rowStride, target.accumulates, columns, begin,
        end)
    }
  }

  func weightGradient(
    _ dy: UnsafeRawPointer, x: UnsafeRawPointer, pass: UInt32, scratch: UnsafeMutableRawPointer
  ) {
    let scales = scratch.floats(at: offsets.otherScales)
    quantize(
      x, stride: shape.inputStride, rows: shape.rows, columns: shape.inputs, factors: nil,
      into: scratch + offsets.other, scales: scales, seed: seed(.input, pass), scratch: scratch)
    weightProduct.run(scratch + offsets.dy, scratch + offsets.other, scratch + offsets.sums)
    let factors = scratch.floats(at: offsets.dyScales)
    let sums = scratch + offsets.sums
    let columns = shape.inputs
    ThreadTeam.forRanges(of: shape.outputs) { begin, end in
      ck_scale_sums_in_place(sums, factors, scales, columns, begin, end)
    }
  }

  /// Finds a scale for each column of `factors[r] * x[r, c]` and rounds to multiples of it.
  private func quantize(
    _ x: UnsafeRawPointer, stride: Int, rows: Int, columns: Int,
    factors: UnsafeMutablePointer<Float>?, into integers: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>, seed: UInt32, scratch: UnsafeMutableRawPointer
  ) {
    let type = shape.compute.element
    let magnitudes = scratch.floats(at: offsets.magnitudes)
    let integers = integers.assumingMemoryBound(to: Int8.self)
    magnitudes.update(repeating: 0, count: ThreadTeam.size * columns)
    ThreadTeam.forRanges(of: rows) { begin, end, member in
      ck_column_magnitudes(
        type, x, stride, factors, magnitudes + member * columns, columns, begin, end)
    }
    for column in 0..<columns {
      var greatest: Float = 0
      for member in 0..<ThreadTeam.size {
        greatest = max(greatest, magnitudes[member * columns + column])
      }
      scales[column] = greatest / 127
    }
    ThreadTeam.forRanges(of: rows) { begin, end in
      ck_quantize_columns(type, x, stride, factors, scales, seed, integers, columns, begin, end)
    }
  }
}
