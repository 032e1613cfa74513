import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct TensorTests {
  @Test(arguments: DType.allCases)
  func zerosHaveTheBytesOfTheirShape(dtype: DType) {
    let tensor = Tensor(zeros: [3, 5], dtype: dtype)
    #expect(tensor.count == 15)
    #expect(tensor.byteCount == 15 * dtype.byteCount)
    #expect(tensor.bytes == [UInt8](repeating: 0, count: tensor.byteCount))
    #expect(Tensor(zeros: [], dtype: dtype).count == 1)
    #expect(Tensor(zeros: [4, 0, 2], dtype: dtype).count == 0)
  }

  @Test func elementsComeBackAsTheyWentIn() {
    let values: [Int32] = [1, -2, .max, .min, 0, 7]
    #expect(
      Tensor(values, shape: [2, 3], dtype: .int32).elements(as: Int32.self) == values)
  }

  @Test func writingASharedTensorLeavesTheOtherAlone() {
    let first = Tensor([1, 2, 3, 4], shape: [2, 2])
    var second = first
    second.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
    #expect(first.floats() == [1, 2, 3, 4])
    #expect(second.floats() == [9, 2, 3, 4])
  }

  @Test func writingASliceLeavesTheWholeAlone() {
    let whole = Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
    var middle = whole.slice(1..<2)
    #expect(middle.shape == [1, 2])
    #expect(middle.floats() == [3, 4])
    middle.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), toByteOffset: 4, as: Float.self) }
    #expect(middle.floats() == [3, 9])
    #expect(whole.floats() == [1, 2, 3, 4, 5, 6])
    #expect(whole.slice(3..<3).floats().isEmpty)
    #expect(whole.slice(1..<3).slice(1..<2).floats() == [5, 6])
  }

  @Test func aTensorThatIsAloneIsWrittenInPlace() {
    var tensor = Tensor([1, 2], shape: [2])
    let before = tensor.withUnsafeBytes { $0.baseAddress }
    let during = tensor.withUnsafeMutableBytes { UnsafeRawPointer($0.baseAddress) }
    #expect(before == during)
  }

  @Test func ownedMemoryIsAligned() {
    for count in [0, 1, 7, 64, 1000] {
      let address = Tensor(zeros: [count], dtype: .uint8).withUnsafeBytes { bytes in
        bytes.baseAddress.map { UInt(bitPattern: $0) }
      }
      #expect(address.map { $0 % UInt(TensorStorage.alignment) } == 0)
    }
  }

  @Test func readOnlyMemoryIsCopiedBeforeAWriteAndGivenBackOnce() {
    let released = Atomic(0)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
    memory.copyMemory(from: [Float(1), 2], byteCount: 8)
    defer { memory.deallocate() }
    do {
      let storage = TensorStorage(readOnly: memory, byteCount: 8) { _, byteCount in
        released.add(byteCount, ordering: .relaxed)
      }
      var view = Tensor(dtype: .float32, shape: [2], storage: storage, byteOffset: 0)
      view.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
      #expect(view.floats() == [9, 2])
      #expect(memory.load(as: Float.self) == 1)
    }
    #expect(released.load(ordering: .relaxed) == 8)
  }
}
