import CKernels
import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// The kernels of convolutions and scans on bf16, which run on any processor, against those on the same numbers in f32.
@Suite(.oneAtATime) struct ConvolutionKernelTests {
  private static let (tokens, sequences, columns, stride) = (9, 2, 70, 80)
  private var rows: Int { Self.tokens * Self.sequences }

  @Test func elementsAreRoundedOnce() {
    forEachInstructionSet { name in
      var generator = SeededGenerator(seed: 5)
      let weight = generator.normal(Self.columns * 4)
      let x = ComputeType.bfloat16.rounded(generator.normal(rows * Self.stride))
      let dy = ComputeType.bfloat16.rounded(generator.normal(rows * Self.columns))
      let narrow = run(.bfloat16, x, dy, weight)
      let wide = run(.float32, x, dy, weight)
      let half = Tolerance(absolute: 1e-30, relative: 0x1.01p-8)
      expectClose(narrow.y, wide.y, half, "results, \(name)")
      expectClose(narrow.dx, wide.dx, half, "gradients, \(name)")
      #expect(narrow.dWeight == wide.dWeight, "\(name)")
      #expect(narrow.read == wide.read, "\(name)")
    }
  }

  private func run(
    _ compute: ComputeType, _ x: [Float], _ dy: [Float], _ weight: [Float]
  ) -> (y: [Float], dx: [Float], dWeight: [Float], read: [Float]) {
    let (type, columns, stride) = (compute.element, Self.columns, Self.stride)
    let (input, output) = (Elements(x, compute), Elements(unwritten: rows * columns, compute))
    let (gradient, dx) = (Elements(dy, compute), Elements(unwritten: rows * columns, compute))
    var dWeight = [Float](repeating: 0, count: weight.count)
    weight.withUnsafeBufferPointer { weight in
      var settings = ck_convolution(
        tokens: Self.tokens, columns: columns, taps: 4, weight: weight.baseAddress, bias: nil,
        has_silu: true)
      ck_convolution_forward(
        type, &settings, input.pointer, stride, nil, output.pointer, columns, 0, rows)
      ck_convolution_backward(
        type, &settings, gradient.pointer, columns, input.pointer, stride,
        ck_gradient(to: dx.pointer, stride: columns, accumulate: false), 0, rows)
      ck_convolution_weight_gradient(
        type, &settings, gradient.pointer, columns, input.pointer, stride, &dWeight, nil, 0, rows)
    }
    var read = [Float](repeating: 0, count: rows * 5)
    ck_read_rows(type, input.pointer, stride, &read, rows, 5)
    let written = Elements(unwritten: rows * 5, compute)
    ck_write_rows(type, read, written.pointer, 5, false, rows, 5)
    ck_write_rows(type, read, written.pointer, 5, true, rows, 5)
    return (output.floats, dx.floats, dWeight, read + written.floats)
  }
}
